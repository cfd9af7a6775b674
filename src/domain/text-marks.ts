/**
 * Marks of a text: a few bits by which nearly all texts that do not hold a word are ruled out without being read. Each piece
 * of three characters sets one bit. A text without the bits of a word does not hold it; one with them may.
 */

/** Bits of a text's marks: the fewest that leave most bits of it unset. */
export const MARK_SIZES = [256, 1024, 4096, 16_384] as const;
const BITS_MAX = 16_384;
const SHIFT = 32 - Math.log2(BITS_MAX);
/** Of a text whose marks have more bits set, a larger size says more. */
const LOAD_MAX = 0.3;

/** What parts pieces. */
const NOTHING = 0;
/**
 * Characters as pieces have them: of ASCII, letters small. What JSON writes otherwise parts pieces: so those of a word stand in
 * JSON, too. Other characters part them as well, but for two that become an ASCII letter where a database ignores case.
 */
const CODES = Uint8Array.from({ length: 0x1_0000 }, (_, sign) => {
  if (sign === 0x212a) return 0x6b;
  if (sign === 0x130) return 0x69;
  const parts = sign < 0x20 || sign >= 0x7f || sign === 0x22 || sign === 0x5c;
  return parts ? NOTHING : String.fromCharCode(sign).toLowerCase().charCodeAt(0);
});
const BEYOND_ASCII = /[^\0-\x7f]/g;

/** The marks of all the texts together, as PostgreSQL reads bits: `x` and hexadecimal digits. */
export function marksOf(texts: readonly string[]): string {
  const bits = new Uint8Array(BITS_MAX);
  const set = texts.reduce((sum, text) => sum + markPieces(text, bits), 0);
  return encode(bits, MARK_SIZES.find((size) => set <= size * LOAD_MAX) ?? BITS_MAX);
}

/** What marks hold at least that may be those of texts which hold all of `words`, by size as in `MARK_SIZES`. */
export function marksWanted(words: readonly string[]): string[] {
  const bits = new Uint8Array(BITS_MAX);
  for (const word of words) markPieces(word.replace(BEYOND_ASCII, "\n"), bits);
  return MARK_SIZES.map((size) => encode(bits, size));
}

/** Sets the bits of a text's pieces; gives how many were not set before. */
function markPieces(text: string, bits: Uint8Array): number {
  let piece = 0;
  let length = 0;
  let set = 0;
  for (let place = 0; place < text.length; place++) {
    const code = CODES[text.charCodeAt(place)] ?? NOTHING;
    length = code === NOTHING ? 0 : length + 1;
    piece = ((piece << 8) | code) & 0xff_ffff;
    if (length < 3) continue;
    const bit = Math.imul(piece, 0x9e37_79b1) >>> SHIFT;
    if (bits[bit] === 1) continue;
    bits[bit] = 1;
    set += 1;
  }
  return set;
}

/** The same marks in `size` bits, a power of two: those that are so many apart become one. */
function encode(bits: Uint8Array, size: number): string {
  const bytes = Buffer.alloc(size / 8);
  for (let place = 0; place < bits.length; place++) {
    if (bits[place] !== 1) continue;
    const bit = place & (size - 1);
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
  }
  return `x${bytes.toString("hex")}`;
}
