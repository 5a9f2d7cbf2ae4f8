/** The one function of qrcode 1.5 that is used here; the package brings no types. */
declare module 'qrcode' {
  const qrcode: { toString(text: string, options: { type: 'terminal'; small: boolean }): Promise<string> }
  export default qrcode
}
