const LOWEST_HZ = 110;
const OCTAVES = 3; // from nothing to the top of the power axis
const LOUDNESS = 0.07;
const GLIDE_S = 0.06;

/** The pitch for a power. @param {number} watts @param {number} max at the top of the axis */
export function pitch(watts, max) {
  return LOWEST_HZ * 2 ** (OCTAVES * Math.min(1, Math.max(0, watts / max)));
}

/** From which side an arm sounds: the first from the left, the last from the right. @param {number} slot @param {number} arms */
export function side(slot, arms) {
  return arms < 2 ? 0 : (slot / (arms - 1)) * 1.4 - 0.7;
}

/** A tone that follows the watts, for those who listen. It is off until somebody asks for it. */
export class Tone {
  /** @type {{context: AudioContext, voice: OscillatorNode, place: StereoPannerNode, loudness: GainNode} | null} */
  sound = null;

  get on() {
    return this.sound !== null;
  }

  toggle() {
    if (this.sound) {
      this.sound.context.close();
      this.sound = null;
      return;
    }
    const context = new AudioContext();
    const voice = new OscillatorNode(context, { type: 'triangle', frequency: LOWEST_HZ });
    const loudness = new GainNode(context, { gain: 0 });
    const place = new StereoPannerNode(context);
    voice.connect(loudness).connect(place).connect(context.destination);
    voice.start();
    this.sound = { context, voice, place, loudness };
  }

  /** @param {number | null} watts null is silent @param {number} max @param {number} pan -1 to 1 */
  follow(watts, max, pan) {
    if (!this.sound) return;
    const { context, voice, place, loudness } = this.sound;
    const now = context.currentTime;
    loudness.gain.setTargetAtTime(watts === null ? 0 : LOUDNESS, now, GLIDE_S);
    if (watts === null) return;
    voice.frequency.setTargetAtTime(pitch(watts, max), now, GLIDE_S);
    place.pan.setTargetAtTime(pan, now, GLIDE_S);
  }
}
