// The same, but only who asks for a rate pays for the import: once, in an invocation.

export const handler = async (event) => {
  if (event.day) {
    const { rates } = await import('./rates.mjs');
    return { rate: rates.get(event.day) };
  }
  return { total: (event.prices ?? []).reduce((sum, price) => sum + price, 0) };
};
