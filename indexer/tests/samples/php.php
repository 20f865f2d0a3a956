<?php
namespace Visits;

const LIMIT = 100;

/**
 * Visits by page.
 */
final class Counter extends Base implements Total
{
    private array $visits = [];

    public function __construct(private int $limit)
    {
    }

    /** Records one visit. */
    public function record(string $page): int
    {
        $this->visits[$page] = ($this->visits[$page] ?? 0) + 1;
        return clamp($this->visits[$page]);
    }
}

interface Total
{
    public function total(): int;
}

trait Counts
{
    public function count(): int { return 0; }
}

function clamp(int $visits): int
{
    return min($visits, LIMIT);
}
