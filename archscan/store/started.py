"""Views that tie services and profiles to the files that they are about, as SQL."""

from __future__ import annotations

SANDBOX = (
    "AppArmorProfile", "BindReadOnlyPaths", "CapabilityBoundingSet", "DeviceAllow", "DevicePolicy", "DynamicUser",
    "InaccessibleDirectories", "InaccessiblePaths", "IPAddressDeny", "LockPersonality", "MemoryDenyWriteExecute",
    "NoExecPaths", "NoNewPrivileges", "PrivateDevices", "PrivateIPC", "PrivateMounts", "PrivateNetwork", "PrivatePIDs",
    "PrivateTmp", "PrivateUsers", "ProcSubset", "ProtectClock", "ProtectControlGroups", "ProtectHome",
    "ProtectHostname", "ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables", "ProtectProc",
    "ProtectSystem", "ReadOnlyDirectories", "ReadOnlyPaths", "RemoveIPC", "RestrictAddressFamilies",
    "RestrictFileSystems", "RestrictNamespaces", "RestrictNetworkInterfaces", "RestrictRealtime", "RestrictSUIDSGID",
    "RootDirectory", "RootImage", "SecureBits", "SELinuxContext", "SmackProcessLabel", "SystemCallArchitectures",
    "SystemCallFilter", "TemporaryFileSystem",
)  # fmt: skip
"""Directives by which a unit takes something from its service (systemd.exec(5), systemd.resource-control(5))."""

OFF = "('', 'no', 'n', 'false', 'f', 'off', '0')"
"""What says no to such a directive, as SQL (systemd.syntax(7), boolean arguments)."""
_MERGED = " OR ".join(f"{{0}} GLOB '{folder}/*'" for folder in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"))


def _names(path: str) -> str:
    """The names of a member that ``path``, without its first slash, may mean: /usr may be merged."""
    return f"({path}, iif({path} GLOB 'usr/*', substr({path}, 5), 'usr/' || {path}))"


def _folder(path: str) -> str:
    """The folder of a path, with a slash behind it; nothing where it has none."""
    return f"rtrim({path}, replace({path}, '/', ''))"


def _above(folder: str) -> str:
    return _folder(f"rtrim({folder}, '/')")


_FIRST = _folder("f.path")
_TARGET = f"""CASE WHEN f.link GLOB '/*' THEN substr(f.link, 2) WHEN f.kind = 'hardlink' THEN f.link
        WHEN f.link GLOB '../../*' THEN {_above(_above(_FIRST))} || substr(f.link, 7)
        WHEN f.link GLOB '../*' THEN {_above(_FIRST)} || substr(f.link, 4) ELSE {_FIRST} || f.link END"""
_SLASHES = "length({0}) - length(replace({0}, '/', ''))"
_GROUP = "substr(pattern, 1, instr(pattern, '}') - 1)"  # up to the brace that closes the first innermost group
_BEFORE = f"rtrim({_GROUP}, replace({_GROUP}, '{{', ''))"
_INNER = f"substr({_GROUP}, length({_BEFORE}) + 1)"

STARTED = f"""
-- Each program that a service runs, and the file and object that it is: in its package, else in one of the same source
-- and version. `named_file_id` is the file of that name, `file_id` the one that it is after one link.
CREATE VIEW started_file AS
WITH started AS (
    SELECT s.id AS service_id, s.package_id, s.file_id AS unit_id, s.name AS service, s.kind, s.scope, s.user,
           s.dynamic, p.position, p.directive, p.path AS program, substr(p.path, 2) AS path
    FROM service s JOIN service_program p ON p.service_id = s.id
), named AS (
    SELECT d.*, coalesce(
        (SELECT min(y.id) FROM file y WHERE y.package_id = d.package_id AND y.path IN {_names("d.path")}),
        (SELECT min(y.id) FROM package a CROSS JOIN package b ON b.source = a.source
             CROSS JOIN file y ON y.package_id = b.id
         WHERE a.id = d.package_id AND b.id <> a.id AND b.source_version IS a.source_version
           AND (b.architecture = a.architecture OR 'all' IN (a.architecture, b.architecture))
           AND y.path IN {_names("d.path")})) AS named_file_id
    FROM started d WHERE d.program GLOB '/*'
), found AS (
    SELECT n.*, coalesce((SELECT min(z.id) FROM file z WHERE f.kind IN ('symlink', 'hardlink')
               AND z.package_id = f.package_id AND z.path IN {_names(f"({_TARGET})")}), f.id) AS found_file_id
    FROM named n LEFT JOIN file f ON f.id = n.named_file_id
)
SELECT service_id, package_id, unit_id, service, kind, scope, user, dynamic, position, directive, program,
       named_file_id, found_file_id AS file_id, (SELECT min(e.id) FROM elf e WHERE e.file_id = found_file_id) AS elf_id
FROM found;

-- What takes something from each service of systemd, in its unit or in a drop-in of its package, and how many such.
CREATE VIEW sandboxed_service AS
SELECT s.id AS service_id, s.package_id, s.name AS service, count(DISTINCT d.name) AS directives,
       group_concat(DISTINCT d.name) AS names
FROM service s
LEFT JOIN file f ON f.package_id = s.package_id AND f.what = 'unit'
    AND (f.id = s.file_id OR instr(f.path, '/' || s.name || '.d/'))
LEFT JOIN directive d ON d.file_id = f.id AND d.section = 'Service' AND lower(d.value) NOT IN {OFF}
    AND d.name IN ({", ".join(f"'{name}'" for name in SANDBOX)})
WHERE s.kind = 'service'
GROUP BY s.id;

-- Files that a profile of the same source is for: the alternatives of its attachment, at most 64, each as a GLOB
-- pattern in which a single star stays within a folder. `loaded` where the profile lies where AppArmor takes it from.
CREATE VIEW confined_file AS
WITH RECURSIVE alternative (file_id, position, pattern, number) AS (
    SELECT file_id, position, attachment, 1 FROM profile WHERE kind = 'apparmor' AND attachment IS NOT NULL
    UNION
    SELECT a.file_id, a.position,
           substr({_BEFORE}, 1, length({_BEFORE}) - 1) || j.value || substr(pattern, instr(pattern, '}}') + 1),
           a.number * json_array_length('[' || replace(json_quote({_INNER}), ',', '","') || ']')
    FROM alternative a, json_each('[' || replace(json_quote({_INNER}), ',', '","') || ']') j
    WHERE instr(pattern, '}}') AND instr({_GROUP}, '{{')
      AND a.number * json_array_length('[' || replace(json_quote({_INNER}), ',', '","') || ']') <= 64
), one AS (
    SELECT a.file_id, a.position, replace(a.pattern, '**', '*') AS pattern,
           iif(instr(a.pattern, '**'), NULL, {_SLASHES.format("a.pattern")}) AS slashes
    FROM alternative a WHERE NOT instr(a.pattern, '{{')
)
SELECT DISTINCT r.file_id AS profile_file_id, r.position, r.name AS profile, r.mode,
       g.path GLOB 'etc/apparmor.d/*' AS loaded, f.id AS file_id, f.package_id
FROM one a
CROSS JOIN profile r ON r.file_id = a.file_id AND r.position = a.position
CROSS JOIN file g ON g.id = r.file_id
CROSS JOIN package p ON p.id = g.package_id
CROSS JOIN package q ON q.source = p.source AND q.source_version IS p.source_version
    AND (q.architecture = p.architecture OR 'all' IN (p.architecture, q.architecture))
CROSS JOIN file f ON f.package_id = q.id
WHERE ('/' || f.path GLOB a.pattern AND (a.slashes IS NULL OR {_SLASHES.format("'/' || f.path")} = a.slashes))
   OR ({_MERGED.format("f.path")}) AND '/usr/' || f.path GLOB a.pattern
      AND (a.slashes IS NULL OR {_SLASHES.format("'/usr/' || f.path")} = a.slashes)
   OR f.path GLOB 'usr/*' AND '/' || substr(f.path, 5) GLOB a.pattern
      AND (a.slashes IS NULL OR {_SLASHES.format("'/' || substr(f.path, 5)")} = a.slashes);
"""
