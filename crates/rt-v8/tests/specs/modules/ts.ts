export const n: number = 6;
