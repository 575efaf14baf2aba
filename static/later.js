/** What the first picture can do without: asked for when it has been painted, so that it comes sooner. */
export { Dvr } from './dvr.js';
export { StageCard } from './stagecard.js';
export { Tone, side } from './tone.js';
export { Tools, keepAwake } from './tools.js';
