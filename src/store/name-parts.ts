/** The search for a part of a name through `name_keys` (migrations/0002): which pieces of the part to look up. */

/** Letters of an indexed piece; a shorter part is found by a scan. */
export const PIECE_LENGTH = 3;
/** More pieces cost more than the candidates that they rule out. */
const PIECES_MAX = 4;

/** Up to four pieces of `part`, spread over it, its beginning and end among them; none of a part under three letters. */
export function piecesOf(part: string): string[] {
  const letters = [...part];
  const last = letters.length - PIECE_LENGTH;
  if (last < 0) return [];
  const count = Math.min(PIECES_MAX, Math.ceil(letters.length / PIECE_LENGTH));
  const places = Array.from({ length: count }, (_, n) =>
    count === 1 ? 0 : Math.round((n * last) / (count - 1)),
  );
  return [...new Set(places.map((place) => letters.slice(place, place + PIECE_LENGTH).join("")))];
}
