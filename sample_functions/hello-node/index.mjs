// A small function: an event goes in, a result comes out.

export const handler = async (event, context) => {
  const name = event.name ?? 'world';
  console.log(`greeting ${name}`);
  return {
    message: `${process.env.GREETING ?? 'Hello'}, ${name}!`,
    function: context.functionName,
    requestId: context.awsRequestId,
  };
};
