import { counters, first } from './counters.js';
import { byId } from './dom.js';
import { Dvr } from './dvr.js';
import { Feed } from './feed.js';
import { media } from './media.js';
import { ViewPage } from './viewpage.js';

const DRAW_EVERY_MS = 100; // a phone's battery is its owner's; digits that change faster cannot be read
const CALM_EVERY_MS = 500;
const PICTURE_MS = 8; // half of one of a 60 Hz screen
const calm = media('(prefers-reduced-motion: reduce)');

const page = new ViewPage();
const feed = new Feed({
  greeted: (hello) => { if (!hello.resumed) feed.recall(hello); },
  heard: (event) => { if (event.type === 'message') dvr.hear(event.message, feed.state); },
});
const dvr = new Dvr(byId('dvr'), () => page.arms.map(({ chart }) => chart));

function tick() {
  // Not a picture of the browser's more than are drawn: each costs a phone something.
  setTimeout(() => requestAnimationFrame(tick), (calm.matches ? CALM_EVERY_MS : DRAW_EVERY_MS) - PICTURE_MS);
  page.draw(feed, performance.now(), dvr);
  counters.framesDrawn += 1;
  const { framesReceived, lastSeq, gaps, missed, frame } = feed.state;
  Object.assign(counters, { framesReceived, lastSeq, gaps, missed });
  if (frame) first('firstDigitsMs');
}

Object.assign(window, { wattrace: counters });
feed.stream.acknowledges = true;
feed.start();
requestAnimationFrame(tick);
