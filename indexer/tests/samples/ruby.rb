# Counts visits.
module Visits
  LIMIT = 100

  # Visits by page.
  class Counter < Base
    attr_reader :visits

    def initialize
      @visits = Hash.new(0)
    end

    # Records one visit.
    def record(page)
      @visits[page] = clamp(@visits[page] + 1)
    end

    def self.open(path)
      new.load(path)
    end

    private

    def clamp(visits)
      [visits, LIMIT].min
    end
  end
end

RSpec.describe Visits::Counter do
  it "counts" do
    expect(Visits::Counter.new.record("/")).to eq(1)
  end
end
