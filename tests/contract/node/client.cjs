// Drives the vendor's client for Node: one order as a line of JSON comes in, one answer as a line of JSON goes out.
//
// An order is {endpoint, credentials, region?, method, path, query?, body?}. The answer is {status, body}, or
// {failure: {kind, status, code, message, requestId}}.
"use strict";

const readline = require("node:readline");

// The vendor's client logs to the standard output, which belongs to the answers here.
const write = process.stdout.write.bind(process.stdout);
process.stdout.write = process.stderr.write.bind(process.stderr);

const core = "@huaweicloud/huaweicloud-sdk-core";
const { ClientBuilder } = require(`${core}/ClientBuilder`);
const { BasicCredentials } = require(`${core}/auth/BasicCredentials`);
const { Region } = require(`${core}/region/region`);

function client(order) {
  const builder = new ClientBuilder((made) => made).withCredential(new BasicCredentials(order.credentials));
  const where = order.region
    ? builder.withRegion(new Region(order.region, order.endpoint))
    : builder.withEndpoint(order.endpoint);
  return where.build();
}

async function answer(order) {
  try {
    const { httpStatusCode, ...body } = await client(order).sendRequest({
      method: order.method,
      url: order.path,
      contentType: "application/json",
      queryParams: order.query ?? {},
      pathParams: {},
      headers: {},
      // The vendor's generated clients put an empty object here for calls that have no body.
      data: order.body ?? {},
    });
    return { status: httpStatusCode, body };
  } catch (error) {
    const { httpStatusCode: status, errorCode: code, errorMsg, requestId, message } = error;
    return { failure: { kind: error.constructor.name, status, code, message: errorMsg ?? message, requestId } };
  }
}

async function serve() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    write(`${JSON.stringify(await answer(JSON.parse(line)))}\n`);
  }
}

serve();
