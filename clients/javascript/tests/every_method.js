// Calls every method with everything that it takes: node every_method.js URL. Whoever listens there sees what is sent.
import { Client } from "imgrouter-client";

const client = new Client(process.argv[2], { retries: 0 });
const id = "0123456789abcdef", job = "0123456789abcdef0123456789abcdef";
const picture = new Uint8Array([1, 2, 3]);
const filters = { mode: "hybrid", k: 3, cursor: "0003abcdef01", minScore: 0.5, exact: true, ids: [id, id],
  since: new Date(0), until: "2027-01-01", origin: "local", tags: ["a", "b"], words: "c" };

await client.upload(picture, { name: "a.png", quality: "fast" });
await client.upload(null, { url: "http://picture.example/a.png", quality: "fast" });
await client.uploadMany([picture, picture], { quality: "high" });
await client.uploadMany(null, { urls: ["http://picture.example/a.png"], quality: "auto" });
await client.listPage({ limit: 5, cursor: "" });
for await (const image of client.list({ page: 7 })) console.log(image);
await client.get(id);
await client.change(id, { caption: "a", tags: ["b"] });
await client.delete(id);
await client.duplicates(id);
await client.content(id);
await client.thumbnail(id, { size: 64 });
await client.search("a boat", { imageId: id, ...filters });
await client.search("a boat", { picture, ...filters });
await client.search(null, { url: "http://picture.example/a.png" });
await client.uploadLater(picture, { name: "a.png", quality: "fast", priority: "interactive" });
await client.job(job);
await client.jobs({ state: "failed", limit: 9 });
await client.deleteJob(job);
for await (const event of client.events({ lastEventId: "a-1" })) console.log(event);
await client.health();
await client.isReady();
await client.costs({ days: 3 });
await client.experiments();
await client.summary();
await client.metrics();
await client.openapi();
