import type {
  BatchAnswer, Costs, Duplicates, Experiments, FieldProblem, Health, Image, ImageEvent, ImagePage, Job, JobList,
  MetricsSummary, Problem, SearchAnswer, Upload,
} from "./types.js";

export type * from "./types.js";

/** The bytes of a picture; in browsers also a File, whose name is kept. In Node: `await readFile(path)`. */
export type Picture = Blob | ArrayBuffer | Uint8Array;
export type Quality = "fast" | "auto" | "high";

export interface Options {
  /** Of each attempt, until its answer is read; 60,000. */
  timeoutMs?: number;
  /**
   * How often a request is sent again, 3: after a 429 or 503, when Retry-After says, and after a failure of the
   * connection where doing it twice comes to the same. It does for uploads, as the same bytes are the same image.
   */
  retries?: number;
  /** Sent with every request. */
  headers?: Record<string, string>;
  /** In place of the global one. */
  fetch?: typeof globalThis.fetch;
}

export interface Cancel {
  signal?: AbortSignal;
}

export interface SearchOptions extends Cancel {
  imageId?: string;
  /** What to look like; it is not stored. */
  picture?: Picture;
  /** The address of such a picture. */
  url?: string;
  mode?: "semantic" | "keyword" | "hybrid";
  k?: number;
  /** `next_cursor` of the page before, with everything else as it was. */
  cursor?: string;
  minScore?: number | "auto";
  exact?: boolean;
  ids?: string[];
  /** The parameter `from`. */
  since?: Date | string;
  until?: Date | string;
  origin?: string;
  tags?: string[] | string;
  words?: string[] | string;
}

export type Event =
  | { name: "job"; data: Job; id?: string }
  | { name: "image"; data: ImageEvent; id?: string }
  /** Something was missed: look for yourself. */
  | { name: "reset"; data: Record<string, never>; id?: string };

export class Client {
  constructor(url?: string, options?: Options);
  upload(picture: Picture | null | undefined, options?: Cancel & { url?: string; name?: string; quality?: Quality }): Promise<Upload>;
  /** Up to 64 in one request; a result for each, in their order. */
  uploadMany(pictures: Iterable<Picture> | null | undefined, options?: Cancel & { urls?: string[]; quality?: Quality }): Promise<BatchAnswer>;
  listPage(options?: Cancel & { limit?: number; cursor?: string }): Promise<ImagePage>;
  /** Every image, newest first; `page` of them a request. */
  list(options?: Cancel & { page?: number }): AsyncGenerator<Image, void>;
  get(id: string, options?: Cancel): Promise<Image>;
  change(id: string, change: Cancel & { caption?: string; tags?: string[] }): Promise<Image>;
  delete(id: string, options?: Cancel): Promise<void>;
  duplicates(id: string, options?: Cancel): Promise<Duplicates>;
  /** The file as it was uploaded. */
  content(id: string, options?: Cancel): Promise<Uint8Array>;
  /** A small JPEG, `size` pixels at the longer side. */
  thumbnail(id: string, options?: Cancel & { size?: number }): Promise<Uint8Array>;
  /** By words, a stored image, a picture, or words and one of these. */
  search(q?: string | null, options?: SearchOptions): Promise<SearchAnswer>;
  /** Answers when the picture is safe on the server's disk. */
  uploadLater(picture: Picture | null | undefined, options?: Cancel & { url?: string; name?: string; quality?: Quality; priority?: "bulk" | "interactive" }): Promise<Job>;
  job(id: string, options?: Cancel): Promise<Job>;
  jobs(options?: Cancel & { state?: Job["state"]; limit?: number }): Promise<JobList>;
  /** Cancels one that waits, forgets one that is over. */
  deleteJob(id: string, options?: Cancel): Promise<void>;
  /** The job once it is done. JobFailed when it failed, WaitTimeout after `timeoutMs`. */
  wait(id: string, options?: Cancel & { timeoutMs?: number }): Promise<Job>;
  /** What happens to jobs and images, as it does. Go on with the `id` of the last event. */
  events(options?: Cancel & { lastEventId?: string }): AsyncGenerator<Event, void>;
  health(options?: Cancel): Promise<Health>;
  /** Whether requests can be served now; false also where nobody answers. */
  isReady(options?: Cancel): Promise<boolean>;
  costs(options?: Cancel & { days?: number }): Promise<Costs>;
  experiments(options?: Cancel): Promise<Experiments>;
  summary(options?: Cancel): Promise<MetricsSummary>;
  /** Prometheus text. */
  metrics(options?: Cancel): Promise<string>;
  openapi(options?: Cancel): Promise<Record<string, unknown>>;
}

/** All errors of this package. */
export class ImgrouterError extends Error {}
/** The server was not reached, or did not answer in time. */
export class ConnectionFailed extends ImgrouterError {}
/** The server answered with a problem. */
export class ProblemError extends ImgrouterError {
  status: number;
  problem: Problem | FieldProblem;
  detail: string;
  code?: string;
  requestId?: string;
}
/** A job that was waited for failed for good. */
export class JobFailed extends ProblemError {
  job: Job;
}
/** A job was not over in the time given; it goes on. */
export class WaitTimeout extends ImgrouterError {}
