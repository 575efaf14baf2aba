// Put into the page before its own scripts: how long each of its pictures takes, how old what it shows is, and how often
// it is stuck.
(() => {
  const probe = { updates: [], stamps: [], longTasks: [] };
  const channel = new MessageChannel();
  /** @type {number | null} */
  let begun = null;
  let stamp = NaN;
  let painted = NaN;
  channel.port1.onmessage = () => {
    const now = performance.now();
    if (begun !== null) probe.updates.push(now - begun);
    begun = null;
    // Only the first picture with a frame counts for its age.
    if (stamp !== painted) probe.stamps.push([stamp, now]);
    painted = stamp;
  };
  const ask = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (callback) => ask((now) => {
    const before = window.wattrace?.framesDrawn;
    const start = performance.now();
    callback(now);
    // The first task after a drawing callback runs when style, layout and paint are done too.
    if (window.wattrace?.framesDrawn !== before && begun === null) {
      begun = start;
      stamp = window.wattrace.stamp_t_ns;
      channel.port2.postMessage(0);
    }
  });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) probe.longTasks.push(entry.duration);
  }).observe({ type: 'longtask' });
  Object.assign(window, { probe });
})();
