/** Of what travels with a member, in bytes. */
export const NAME_BYTES_MAX = 64;
export const ADDRESS_BYTES_MAX = 255;
/** What a member says of itself. */
export const META_BYTES_MAX = 512;
