// The function, called as its users call it: `npm test`.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";

const call = async (name, event) => {
  const url = `${process.env.AWS_ENDPOINT_URL}/2015-03-31/functions/${name}/invocations`;
  const response = await fetch(url, { method: "POST", body: JSON.stringify(event) });
  assert.equal(response.headers.get("x-amz-function-error"), null);
  return response.json();
};

test("it greets", async () => {
  const event = JSON.parse(await readFile(new URL("../events/hello.json", import.meta.url)));
  assert.deepEqual(await call("hello", event), { message: "Hello, you!" });
});
