// What can go wrong.

/** All errors of this package. */
export class ImgrouterError extends Error {
  constructor(message, options) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The server was not reached, or did not answer in time. */
export class ConnectionFailed extends ImgrouterError {}

/** The server answered with a problem. */
export class ProblemError extends ImgrouterError {
  constructor(status, problem) {
    super(`${status}: ${problem.detail || problem.title || ""}`);
    this.status = status;
    this.problem = problem;
    this.detail = problem.detail ?? "";
    this.code = problem.code;
    this.requestId = problem.request_id;
  }
}

/** A job that was waited for failed for good. */
export class JobFailed extends ProblemError {
  constructor(job) {
    const problem = job.problem ?? { title: "Failed", status: 500, detail: "the job failed" };
    super(problem.status, problem);
    this.job = job;
  }
}

/** A job was not over in the time given; it goes on. */
export class WaitTimeout extends ImgrouterError {}
