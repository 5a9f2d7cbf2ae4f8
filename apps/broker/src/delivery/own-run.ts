/** Numbers of a mesh that this node gave one after the other: within them no other node committed anything. */

export class OwnRun {
  private from = 0
  private to = 0
  /** All up to here was looked at in the database, whoever gave it. */
  private looked = 0

  /** Takes the number of a commit of this node; answers the seq above which everything up to it was given here. */
  note(seq: number): number {
    if (seq !== this.to + 1) this.from = seq
    this.to = seq
    return this.from - 1
  }

  /** True where other nodes gave numbers up to `head` that nobody looked at. */
  lacks(head: number): boolean {
    return head > this.looked && !(this.from <= this.looked + 1 && this.to >= head)
  }

  /** Everything up to `head` is known here. */
  sawAll(head: number): void {
    if (head > this.looked) this.looked = head
  }
}
