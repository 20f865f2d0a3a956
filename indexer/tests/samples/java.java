package visits;

import java.util.Map;

/** Visits by page. */
@Singleton
public class Counter implements Total {
    private static final int LIMIT = 100;
    private final Map<String, Integer> visits;

    public Counter(Map<String, Integer> visits) {
        this.visits = visits;
    }

    /** Records one visit. */
    public int record(String page) {
        return Math.min(visits.merge(page, 1, Integer::sum), LIMIT);
    }

    @Override
    public int total() {
        return visits.values().stream().mapToInt(Integer::intValue).sum();
    }

    enum Mode { DAY, NIGHT }

    record Page(String path) {}

    @Test
    void counts() {
        assertEquals(0, new Counter(Map.of()).total());
    }
}

interface Total {
    int total();
}
