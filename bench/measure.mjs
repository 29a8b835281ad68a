// Sampling and quantiles.
const round = (ms) => Math.round(ms * 1000) / 1000;

/** Times `n` calls of `work`, after `warmup` that do not count. Milliseconds. */
export async function sample(n, work, warmup = 0) {
  for (let i = 0; i < warmup; i++) await work(i);
  const times = [];
  for (let i = 0; i < n; i++) {
    const start = performance.now();
    await work(i);
    times.push(performance.now() - start);
  }
  return quantiles(times);
}

export function quantiles(times) {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (q) => round(sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]);
  return { n: sorted.length, unit: "ms", min: at(0), p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

/** Resident memory of this process in bytes, after giving garbage a chance to go. */
export async function residentBytes() {
  globalThis.gc?.();
  await new Promise((resolve) => setTimeout(resolve, 200));
  return process.memoryUsage.rss();
}
