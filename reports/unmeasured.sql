-- title: Verdicts that stayed unknown, with the reason
-- why: separates what archscan cannot measure yet from objects that resist being measured
SELECT r.key AS feature, e.language, json_extract(r.value, '$.code') AS reason, count(*) AS objects,
       min(json_extract(r.value, '$.text')) AS example
FROM elf e JOIN json_each(e.reasons) r
WHERE CASE r.key
      WHEN 'pie' THEN e.pie
      WHEN 'bind_now' THEN e.bind_now
      WHEN 'stack_protector' THEN e.stack_protector
      WHEN 'fortify' THEN e.fortify
      WHEN 'nx' THEN e.nx
      WHEN 'stack_clash' THEN e.stack_clash
      WHEN 'ibt_marked' THEN e.ibt_marked
      WHEN 'ibt_compiled' THEN e.ibt_compiled
      WHEN 'shstk_marked' THEN e.shstk_marked
      WHEN 'bti_marked' THEN e.bti_marked
      WHEN 'bti_compiled' THEN e.bti_compiled
      WHEN 'pac_marked' THEN e.pac_marked
      WHEN 'pac_compiled' THEN e.pac_compiled
      WHEN 'separate_code' THEN e.separate_code
      WHEN 'clang_cfi' THEN e.clang_cfi
      WHEN 'safe_stack' THEN e.safe_stack
      WHEN 'glibcxx_assertions' THEN e.glibcxx_assertions
      WHEN 'relro' THEN e.relro
      END = 'unknown'
GROUP BY r.key, e.language, reason
ORDER BY objects DESC, feature, e.language, reason
