// A page that shows a number more each time the function writes one.
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export const handler = awslambda.streamifyResponse(async (event, stream) => {
  stream = awslambda.HttpResponseStream.from(stream, {
    statusCode: 200,
    headers: { "Content-Type": "text/html; charset=utf-8" },
  });
  const count = Number(event.queryStringParameters?.count ?? 5);
  const pause = Number(event.queryStringParameters?.pause ?? 500);
  stream.write("<!doctype html><title>ticker</title><h1>Ticker</h1><ol id=ticks>\n");
  for (let tick = 1; tick <= count; tick++) {
    stream.write(`<li>tick ${tick}</li>\n`.padEnd(64) + "\n");
    await wait(pause);
  }
  stream.write("</ol><p id=end>end</p>");
  stream.end();
});
