// What belongs to the invocation that runs: `awslambda.InvokeStore`, as libraries look for it.

export const PROTECTED_KEYS = {
  REQUEST_ID: Symbol.for('_AWS_LAMBDA_REQUEST_ID'),
  X_RAY_TRACE_ID: Symbol.for('_AWS_LAMBDA_X_RAY_TRACE_ID'),
  TENANT_ID: Symbol.for('_AWS_LAMBDA_TENANT_ID'),
};

/** The store where one invocation runs at a time. */
export class InvokeStore {
  static PROTECTED_KEYS = PROTECTED_KEYS;
  PROTECTED_KEYS = PROTECTED_KEYS;
  #context;

  run(context, action) {
    this.#context = context;
    return action();
  }

  getContext() {
    return this.#context;
  }

  hasContext() {
    return this.getContext() !== undefined;
  }

  get(key) {
    return this.getContext()?.[key];
  }

  set(key, value) {
    if (this.isProtectedKey(key)) {
      throw new Error(`Cannot modify protected Lambda context field: ${String(key)}`);
    }
    if (!this.hasContext()) this.begin();
    this.getContext()[key] = value;
  }

  /** Make a context for what is set outside of any. */
  begin() {
    this.#context = {};
  }

  isProtectedKey(key) {
    return Object.values(PROTECTED_KEYS).includes(key);
  }

  getRequestId() {
    return this.get(PROTECTED_KEYS.REQUEST_ID) ?? '-';
  }

  getXRayTraceId() {
    return this.get(PROTECTED_KEYS.X_RAY_TRACE_ID);
  }

  getTenantId() {
    return this.get(PROTECTED_KEYS.TENANT_ID);
  }
}
