// Commands that invoke the same function with the same event.

const sh = (text) => `'${text.replaceAll("'", "'\\''")}'`;

const qualified = (raw) => (raw.version && raw.version !== "$LATEST" ? raw.version : "");

export function curl(raw, event, endpoint) {
  const version = qualified(raw);
  const query = version ? `?Qualifier=${version}` : "";
  const address = `${endpoint}/2015-03-31/functions/${encodeURIComponent(raw.function)}/invocations${query}`;
  return `curl ${sh(address)} -d ${sh(event)}${credentials(raw)}`;
}

// Callers without a signature are of the emulator's own account and region.
function credentials(raw) {
  if (raw.account === "000000000000" && raw.region === "us-east-1") return "";
  return ` --user ${raw.account}:test --aws-sigv4 ${sh(`aws:amz:${raw.region}:lambda`)}`;
}

export function cli(raw, event, endpoint) {
  const version = qualified(raw);
  return [
    `printf %s ${sh(event)} |`,
    `AWS_ACCESS_KEY_ID=${raw.account} AWS_SECRET_ACCESS_KEY=test aws lambda invoke`,
    `--endpoint-url ${endpoint} --region ${raw.region}`,
    `--function-name ${raw.function}${version ? ` --qualifier ${version}` : ""}`,
    // As bytes: versions 1 and 2 take text differently.
    "--payload fileb:///dev/stdin /dev/stdout",
  ].join(" \\\n  ");
}

// A Python literal of a JSON value.
function py(value, indent = "") {
  const deeper = `${indent}    `;
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const list = Array.isArray(value);
  const items = list
    ? value.map((each) => py(each, deeper))
    : Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}: ${py(each, deeper)}`);
  const [open, close] = list ? "[]" : "{}";
  const short = open + items.join(", ") + close;
  if (short.length + indent.length < 70 && !short.includes("\n")) return short;
  return `${open}\n${items.map((each) => `${deeper}${each},\n`).join("")}${indent}${close}`;
}

export function pytest(raw, event, answer, endpoint) {
  const version = qualified(raw);
  const name = raw.function.replace(/\W+/g, "_").toLowerCase();
  let payload;
  try {
    payload = `json.dumps(${py(JSON.parse(event), "    ")})`;
  } catch {
    payload = JSON.stringify(event);
  }
  const failed = raw.status === "error" || raw.status === "timeout";
  const checks = [failed ? 'assert "FunctionError" in response' : 'assert "FunctionError" not in response'];
  if (!failed && answer !== null) {
    try {
      checks.push(`assert json.load(response["Payload"]) == ${py(JSON.parse(answer), "    ")}`);
    } catch {
      // An answer that is cut or no JSON is not compared.
    }
  }
  return `import json

import boto3


def test_${name}() -> None:
    client = boto3.client(
        "lambda",
        endpoint_url=${JSON.stringify(endpoint)},
        region_name=${JSON.stringify(raw.region)},
        aws_access_key_id=${JSON.stringify(raw.account)},
        aws_secret_access_key="test",
    )
    response = client.invoke(
        FunctionName=${JSON.stringify(raw.function)},${version ? `\n        Qualifier=${JSON.stringify(version)},` : ""}
        Payload=${payload},
    )
${checks.map((each) => `    ${each}\n`).join("")}`;
}
