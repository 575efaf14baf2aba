// Runs before the modules have come, so that the stream is on its way meanwhile; links.js takes it over.
(() => {
  const socket = new WebSocket(new URL('ws?prompt=1', document.baseURI).href.replace(/^http/, 'ws'));
  /** @type {string[]} */
  const heard = [];
  socket.onmessage = ({ data }) => heard.push(data);
  Object.assign(window, { early: { socket, heard } });
})();
