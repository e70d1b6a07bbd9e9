-- From which hour on the first halves of hours are rolled up. What is there already has hours and days alone.
INSERT INTO marks (name, seq) SELECT 'spending_halved', max(slot) + 1 FROM spending WHERE level = 0 HAVING max(slot) IS NOT NULL;
INSERT INTO marks (name, seq) SELECT 'traffic_halved', max(slot) + 1 FROM traffic WHERE level = 0 HAVING max(slot) IS NOT NULL;
-- From when on the log is whole, of which older versions deleted the oldest without a note.
INSERT INTO marks (name, seq) SELECT 'log_since', min(at) FROM records
HAVING min(at) >= (SELECT (min(slot) + 1) * 3600000 FROM traffic WHERE level = 0);
