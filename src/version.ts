/**
 * The version of the program: the same as in package.json, which a test makes sure of. It stands here because the
 * compiled program does not know where its package.json lies.
 */
export const VERSION = '0.1.0';
