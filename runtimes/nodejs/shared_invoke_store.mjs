// `awslambda.InvokeStore` where several invocations run at once.

import { AsyncLocalStorage } from 'node:async_hooks';

import { InvokeStore, PROTECTED_KEYS } from './invoke_store.mjs';

export { PROTECTED_KEYS };

export class SharedInvokeStore extends InvokeStore {
  #storage = new AsyncLocalStorage();

  run(context, action) {
    return this.#storage.run(context, action);
  }

  getContext() {
    return this.#storage.getStore();
  }

  begin() {
    throw new Error('No context available');
  }
}
