// A small test harness: test() registers a test, run() runs them one after the
// other and returns their results.

const tests = [];

export function test(name, fn) {
  tests.push({ name, fn });
}

/** Runs the tests whose names contain only. */
export async function run(only = "") {
  const results = [];
  for (const { name, fn } of tests.filter((t) => t.name.includes(only))) {
    let error = "";
    let late;
    try {
      await Promise.race([fn(), new Promise((_, reject) => (late = setTimeout(() => reject(new Error("not done after 60 s")), 60_000)))]);
    } catch (err) {
      error = err.stack || String(err);
    }
    clearTimeout(late);
    results.push({ Name: name, Error: error });
  }
  return results;
}

export function equal(got, want, about = "") {
  const g = JSON.stringify(got);
  const w = JSON.stringify(want);
  if (g !== w) throw new Error(`${about} got ${g}, want ${w}`);
}

export function ok(value, about) {
  if (!value) throw new Error(`not true: ${about}`);
}

/** Returns the error that a promise rejects with, or that fn throws. */
export async function failure(what) {
  try {
    await (typeof what === "function" ? what() : what);
  } catch (err) {
    return err;
  }
  throw new Error("nothing failed");
}

/** Resolves when cond(), or its promise, is true; for conditions without an event. */
export async function until(cond, about = "") {
  const deadline = performance.now() + 15_000;
  while (!(await cond())) {
    if (performance.now() > deadline) throw new Error(`did not happen: ${about}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
