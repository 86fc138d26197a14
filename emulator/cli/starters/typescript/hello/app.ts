interface Event {
  name?: string;
}

// What stands here runs once for each environment: at a cold start.
const greeting = "Hello";

/** Return a greeting for the name in the event. */
export const handler = async (event: Event): Promise<{ message: string }> => {
  const name = event.name ?? "world";
  console.log(`greeting ${name}`);
  return { message: `${greeting}, ${name}!` };
};
