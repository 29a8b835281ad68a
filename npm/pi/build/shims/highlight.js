// Syntax colours (1.8 MB of grammars) are drawn by the terminal interface, which an agent behind a protocol has not.
export const highlight = (code) => code;
export const supportsLanguage = () => false;
