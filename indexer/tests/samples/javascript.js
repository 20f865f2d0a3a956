'use strict';
const fs = require('fs');

const LIMIT = 100;

/**
 * Never more than the limit.
 */
function clamp(visits) {
  return Math.min(visits, LIMIT);
}

/** Visits by page. */
export class Counter extends Base {
  visits = new Map();

  /** Records one visit. */
  record(page) {
    this.visits.set(page, clamp(this.total(page) + 1));
  }

  total = (page) => this.visits.get(page) || 0;
}

// Starts the server.
export const serve = async (port) => {
  await listen(port);
};

Counter.prototype.reset = function () {
  this.visits.clear();
};

module.exports = {
  open(path) {
    return fs.openSync(path);
  },
  close: function (handle) {
    fs.closeSync(handle);
  },
};

describe('counter', () => {
  it('counts', () => {
    expect(new Counter().total('/')).toBe(0);
  });
});
