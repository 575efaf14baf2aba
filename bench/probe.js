// Put into the page before its own scripts: how long each of its pictures takes, and how often it is stuck.
(() => {
  const probe = { updates: [], longTasks: [] };
  const channel = new MessageChannel();
  /** @type {number | null} */
  let begun = null;
  channel.port1.onmessage = () => {
    if (begun !== null) probe.updates.push(performance.now() - begun);
    begun = null;
  };
  const ask = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (callback) => ask((now) => {
    const before = window.wattrace?.framesDrawn;
    const start = performance.now();
    callback(now);
    // The first task after a drawing callback runs when style, layout and paint are done too.
    if (window.wattrace?.framesDrawn !== before && begun === null) {
      begun = start;
      channel.port2.postMessage(0);
    }
  });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) probe.longTasks.push(entry.duration);
  }).observe({ type: 'longtask' });
  Object.assign(window, { probe });
})();
