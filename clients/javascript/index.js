export { Client } from "./client.js";
export { ConnectionFailed, ImgrouterError, JobFailed, ProblemError, WaitTimeout } from "./errors.js";
