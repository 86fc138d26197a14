// All callers pay for an import that few of them need.

import { rates } from './rates.mjs';

export const handler = async (event) => {
  if (event.day) return { rate: rates.get(event.day) };
  return { total: (event.prices ?? []).reduce((sum, price) => sum + price, 0) };
};
