// Run by tests/e2e/test_clients.py, which starts the server at IMGROUTER_URL, with the demo models.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import http from "node:http";
import { test } from "node:test";
import { Client, ConnectionFailed, ImgrouterError, JobFailed, ProblemError, WaitTimeout } from "imgrouter-client";

const url = process.env.IMGROUTER_URL;
const picture = (name) => readFile(`${process.env.PICTURES}/${name}`);
const ID = "0123456789abcdef";

// A server that answers with what answer(request, count) returns: [status, headers, body], or null to hang up.
async function stub(context, answer) {
  const requests = [];
  const server = http.createServer((request, response) => {
    const pieces = [];
    request.on("data", (piece) => pieces.push(piece));
    request.on("end", () => {
      requests.push({ method: request.method, url: request.url, headers: request.headers, body: Buffer.concat(pieces) });
      const answered = answer(request, requests.length);
      if (answered === undefined) return; // says nothing
      if (answered === null) {
        request.socket.destroy();
        return;
      }
      const [status, headers, body] = answered;
      response.writeHead(status, headers);
      response.end(body);
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { requests, url: `http://127.0.0.1:${server.address().port}` };
}

const good = [200, { "Content-Type": "application/json" }, '{"id": "a"}'];
const problem = (status, headers = {}) => [status, { "Content-Type": "application/problem+json", ...headers },
  JSON.stringify({ title: "x", status, detail: `detail of ${status}`, code: "x" })];

test("pictures", async () => {
  const client = new Client(url);
  assert.equal(await client.isReady(), true);
  assert.equal((await client.health()).models.caption.source, "demo");
  const bytes = await picture("boat-at-night.jpg");
  const boat = await client.upload(bytes, { name: "boat-at-night.jpg" });
  assert.match(boat.caption, /boat/);
  assert.deepEqual(boat.payload.src, { source: "upload", filename: "boat-at-night.jpg" });
  assert.equal((await client.upload(new Blob([bytes]))).was_known, true);
  const batch = await client.uploadMany([await picture("red-circle.png"), new Uint8Array([1])]);
  assert.deepEqual([batch.stored, batch.failed], [1, 1]);
  const other = batch.results[0].id;

  const listed = [];
  for await (const image of client.list({ page: 1 })) listed.push(image.id);
  assert.deepEqual(listed, [other, boat.id]);
  const found = await client.search("a boat at night", { k: 1 });
  assert.equal(found.results[0].id, boat.id);
  const following = await client.search("a boat at night", { k: 1, cursor: found.next_cursor });
  assert.equal(following.results[0].id, other);
  assert.equal((await client.search(null, { picture: bytes, k: 1 })).results[0].id, boat.id);
  assert.equal((await client.search(null, { imageId: boat.id, ids: [other] })).results[0].id, other);

  const changed = await client.change(boat.id, { caption: "my boat", tags: ["sea", "night"] });
  assert.deepEqual([changed.caption, changed.tags], ["my boat", ["sea", "night"]]);
  const keyword = await client.search("boat", { mode: "keyword", tags: ["sea", "night"], since: new Date(0) });
  assert.deepEqual(keyword.results.map((match) => match.id), [boat.id]);
  assert.deepEqual(Buffer.from(await client.content(boat.id)), bytes);
  assert.deepEqual([...(await client.thumbnail(boat.id, { size: 32 })).slice(0, 3)], [0xff, 0xd8, 0xff]);
  assert.deepEqual((await client.duplicates(boat.id)).same_picture, []);
  await client.delete(boat.id);
  await assert.rejects(client.get(boat.id), (error) => error instanceof ProblemError && error.status === 404 &&
    error.code === "not_found" && error.detail.includes(boat.id));
  assert.equal((await client.costs()).currency, "USD");
  assert.match(await client.metrics(), /router_local_total/);
  assert.equal((await client.summary()).uploads.new, 2);
  assert.deepEqual((await client.experiments()).results, []);
  assert.match((await client.openapi()).openapi, /^3\.1/);
});

test("jobs and events", async () => {
  const client = new Client(url);
  const leave = new AbortController();
  const events = client.events({ signal: leave.signal });
  const first = events.next(); // begins to follow
  await new Promise((resolve) => setTimeout(resolve, 300));
  const job = await client.uploadLater(await picture("pink-heart.jpg"), { priority: "interactive" });
  assert.equal((await first).value.data.id, job.id);
  const names = [];
  for await (const event of events) {
    names.push(event.name);
    assert.ok(event.id);
    if (event.name === "job" && event.data.state === "done") break;
  }
  assert.ok(names.includes("image"));
  assert.match((await client.wait(job.id, { timeoutMs: 60_000 })).image.caption, /heart/);
  assert.equal((await client.jobs({ state: "done" })).jobs[0].id, job.id);
  await client.deleteJob(job.id);
  await assert.rejects(client.job(job.id), ProblemError);

  const broken = await client.uploadLater((await picture("red-circle.png")).subarray(0, 300));
  await assert.rejects(client.wait(broken.id, { timeoutMs: 60_000 }),
    (error) => error instanceof JobFailed && error.job.id === broken.id);

  // A signal ends it without an error, whatever else was told until then.
  const others = client.events({ signal: leave.signal });
  setTimeout(() => leave.abort(), 200);
  while (!(await others.next()).done);
});

test("it waits as it is told", async (context) => {
  const told = await stub(context, (_, count) => (count === 1 ? problem(503, { "Retry-After": "1" }) : good));
  const started = Date.now();
  assert.deepEqual(await new Client(told.url).upload(new Uint8Array([1])), { id: "a" });
  assert.ok(Date.now() - started > 900);
  assert.equal(told.requests.length, 2);
  assert.equal(told.requests[0].body.length, told.requests[1].body.length);

  const limited = await stub(context, (_, count) => (count < 3 ? problem(429) : good));
  await new Client(limited.url).get(ID);
  assert.equal(limited.requests.length, 3);

  const away = await stub(context, () => problem(503, { "Retry-After": "0" }));
  await assert.rejects(new Client(away.url, { retries: 2 }).get(ID), (error) => error.detail === "detail of 503");
  assert.equal(away.requests.length, 3);

  const long = await stub(context, () => problem(503, { "Retry-After": "86400" }));
  await assert.rejects(new Client(long.url).get(ID), ProblemError);
  assert.equal(long.requests.length, 1);
});

test("other problems are not retried", async (context) => {
  for (const status of [400, 404, 413, 422, 500, 502, 504, 507]) {
    const server = await stub(context, () => problem(status));
    await assert.rejects(new Client(server.url).upload(new Uint8Array([1])), (error) => error.status === status);
    assert.equal(server.requests.length, 1);
  }
});

test("only what may be is repeated", async (context) => {
  const lost = await stub(context, (_, count) => (count < 3 ? null : good));
  await new Client(lost.url).upload(new Uint8Array([1]));
  assert.equal(lost.requests.length, 3);

  const job = await stub(context, () => null);
  await assert.rejects(new Client(job.url).uploadLater(new Uint8Array([1])), ConnectionFailed);
  assert.equal(job.requests.length, 1);

  const gone = await stub(context, (_, count) => (count === 1 ? null : problem(404)));
  await new Client(gone.url).delete(ID);
  const never = await stub(context, () => problem(404));
  await assert.rejects(new Client(never.url).delete(ID), ProblemError);
});

test("nobody there, or nothing said", async (context) => {
  const server = await stub(context, () => undefined);
  await assert.rejects(new Client(server.url, { timeoutMs: 200, retries: 0 }).health(), ConnectionFailed);
  const stop = new AbortController();
  setTimeout(() => stop.abort(new Error("enough")), 100);
  await assert.rejects(new Client(server.url).health({ signal: stop.signal }), /enough/);

  const nobody = new Client("http://127.0.0.1:1", { retries: 1 });
  await assert.rejects(nobody.health(), ConnectionFailed);
  assert.equal(await nobody.isReady(), false);
  await assert.rejects(nobody.events().next(), ConnectionFailed);
});

test("strange answers", async (context) => {
  const proxy = await stub(context, () => [502, { "Content-Type": "text/html" }, "<p>proxy"]);
  await assert.rejects(new Client(proxy.url).health(), (error) => error.status === 502 && /proxy/.test(error.detail));
  const queued = await stub(context, () => [200, {}, '{"state": "queued"}']);
  await assert.rejects(new Client(queued.url).wait(ID, { timeoutMs: 100 }), WaitTimeout);
  const split = await stub(context, () => [200, { "Content-Type": "text/event-stream" },
    ': sign of life\r\n\r\nid: 1\r\nevent: job\r\ndata: {"a":\r\ndata: "ä"}\r\n\r\ndata: cut']);
  const events = [];
  for await (const event of new Client(split.url).events()) events.push(event);
  assert.deepEqual(events, [{ name: "job", data: { a: "ä" }, id: "1" }]);
});

test("wrong words", async (context) => {
  const server = await stub(context, () => good);
  const client = new Client(`${server.url}/images/api/`, { headers: { Authorization: "Bearer x" } });
  await client.get(ID);
  assert.equal(server.requests[0].url, `/images/api/images/${ID}`);
  assert.equal(server.requests[0].headers.authorization, "Bearer x");
  for (const word of ["", "..", "a/b", "a?b", "ä"]) await assert.rejects(client.get(word), ImgrouterError);
  assert.equal(server.requests.length, 1);
  assert.throws(() => client.upload(), TypeError);
  assert.throws(() => client.search(null, { picture: new Uint8Array([1]), imageId: ID }), TypeError);
  assert.throws(() => new Client("ftp://x"), TypeError);
});
