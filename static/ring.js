/** Fixed-size columns that forget their oldest row: memory does not grow with the length of a talk. */
export class Ring {
  /**
   * @param {number} capacity rows
   * @param {number} width columns
   */
  constructor(capacity, width) {
    this.capacity = capacity;
    this.columns = Array.from({ length: width }, () => new Float64Array(capacity));
    this.length = 0;
    this.next = 0;
  }

  /** @param {...number} row one value a column */
  push(...row) {
    for (let column = 0; column < this.columns.length; column += 1) this.columns[column][this.next] = row[column];
    this.next = (this.next + 1) % this.capacity;
    if (this.length < this.capacity) this.length += 1;
  }

  /** The value in a column, 0 being the oldest row. @param {number} column @param {number} index */
  at(column, index) {
    const start = this.next - this.length + this.capacity;
    return this.columns[column][(start + index) % this.capacity];
  }

  /** The newest value in a column, NaN when empty. @param {number} column */
  last(column) {
    return this.length ? this.at(column, this.length - 1) : NaN;
  }

  clear() {
    this.length = 0;
    this.next = 0;
  }

  /** An independent copy. */
  copy() {
    const twin = new Ring(this.capacity, this.columns.length);
    this.columns.forEach((column, index) => twin.columns[index].set(column));
    twin.length = this.length;
    twin.next = this.next;
    return twin;
  }

  /** The first row whose value in `column` is at least `value`, for a column that only rises.
   * @param {number} column @param {number} value */
  indexFrom(column, value) {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.at(column, middle) < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
