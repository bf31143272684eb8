"""What uses of weak algorithms are for, as SQL: how it was judged, and the view that rules and questions read."""

from __future__ import annotations

CONTEXTS = """
ALTER TABLE crypto_context ADD COLUMN direction TEXT CHECK (direction IN ('generate', 'verify'));
ALTER TABLE crypto_context ADD COLUMN protocol TEXT;
ALTER TABLE crypto_context ADD COLUMN because TEXT;
DROP INDEX crypto_context_use;
CREATE UNIQUE INDEX crypto_context_use ON crypto_context (use_id);

-- Uses of weak algorithms, each with what it is for. Where no library is known to be meant, a program takes the name
-- from one that the catalogue does not hold, so that is no use; a plugin may take it from the program that loads it.
-- `sure` is the less certain of both statements: that the algorithm is used (`seen`), and that it is used for that. Who
-- calls a function whose address is kept was not seen, so that is only possible.
CREATE VIEW weak_use AS
SELECT u.id AS use_id, u.elf_id, u.file_id, u.call_site_id, u.algorithm, a.family, u.role,
       coalesce(u.direction, c.direction) AS direction, u.library, u.symbol, u.evidence, u.function, u.address,
       u.argument, u.confidence AS seen, coalesce(c.context, 'unknown') AS context, c.protocol, c.because,
       CASE WHEN u.evidence = 'data' OR 'possible' IN (u.confidence, coalesce(c.confidence, 'possible')) THEN 'possible'
            WHEN 'likely' IN (u.confidence, c.confidence) THEN 'likely' ELSE 'certain' END AS sure
FROM crypto_use u
LEFT JOIN algorithm a ON a.name = u.algorithm
LEFT JOIN crypto_context c ON c.use_id = u.id
LEFT JOIN elf e ON e.id = u.elf_id
WHERE u.strength = 'weak'
  AND (u.library IS NOT 'ambiguous' OR e.kind IN ('plugin', 'shared-library'));
"""
