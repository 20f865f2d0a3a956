-- Visits by page.
CREATE TABLE visits (
    page TEXT PRIMARY KEY,
    count INTEGER NOT NULL DEFAULT 0
);

CREATE INDEX visits_by_count ON visits (count);

CREATE VIEW popular AS SELECT page FROM visits WHERE count > 100;

-- Records one visit.
CREATE FUNCTION record(text) RETURNS integer AS $$
    UPDATE visits SET count = count + 1 WHERE page = $1 RETURNING count;
$$ LANGUAGE sql;

SELECT page, count FROM visits ORDER BY count DESC;
