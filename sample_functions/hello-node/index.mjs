// The smallest function in JavaScript.

export const handler = async (event, context) => {
  const name = event.name ?? 'world';
  console.log(`greeting ${name}`);
  return {
    message: `${process.env.GREETING}, ${name}!`,
    function: context.functionName,
    requestId: context.awsRequestId,
  };
};
