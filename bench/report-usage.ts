/** Is loaded with `--import` before a measured program. */
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  process.send?.({ cpuMs: (user + system) / 1000, rssMiB: rss / 2 ** 20, heapMiB: heapUsed / 2 ** 20 });
});
process.channel?.unref();
