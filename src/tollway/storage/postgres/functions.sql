-- What statements written for SQLite ask for, and PostgreSQL has not. NULL in, NULL out, as there.
CREATE FUNCTION max(a bigint, b bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT CASE WHEN a >= b THEN a WHEN a < b THEN b END $$;
CREATE FUNCTION max(a numeric, b numeric) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT CASE WHEN a >= b THEN a WHEN a < b THEN b END $$;
CREATE FUNCTION min(a bigint, b bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT CASE WHEN a <= b THEN a WHEN a > b THEN b END $$;
CREATE FUNCTION min(a numeric, b numeric) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT CASE WHEN a <= b THEN a WHEN a > b THEN b END $$;
CREATE FUNCTION substr(whole text, first integer, length bigint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT substr(whole, first, length::integer) $$;
CREATE FUNCTION instr(whole bytea, part bytea) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT position(part IN whole) $$;
-- The two formats that are asked for: the day, and the hour.
CREATE FUNCTION strftime(format text, seconds bigint, epoch text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT to_char(to_timestamp(seconds) AT TIME ZONE 'UTC',
  CASE format WHEN '%Y-%m-%d' THEN 'YYYY-MM-DD' ELSE 'YYYY-MM-DD"T"HH24:00"Z"' END) $$;
-- The members of an array, or of an object: text as text, everything else as JSON.
CREATE FUNCTION json_each(document text) RETURNS TABLE (key text, value text) LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 4
AS $$
  SELECT NULL::text, member FROM json_array_elements_text(CASE WHEN document LIKE '[%' THEN document::json ELSE '[]' END) AS member
  UNION ALL
  SELECT pair.key, pair.value FROM json_each_text(CASE WHEN document LIKE '{%' THEN document::json ELSE '{}' END) AS pair
$$;
CREATE FUNCTION json_member(document text, place integer) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT document::json ->> place $$;
CREATE OPERATOR ->> (LEFTARG = text, RIGHTARG = integer, FUNCTION = json_member);

CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation'; END $$;
CREATE TRIGGER entries_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON entries FOR EACH STATEMENT
EXECUTE FUNCTION refuse('ledger entries are never changed or deleted; write a correction');
CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit FOR EACH STATEMENT
EXECUTE FUNCTION refuse('lines of the audit log are never changed or deleted');
CREATE TRIGGER freezes_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON freezes FOR EACH STATEMENT
EXECUTE FUNCTION refuse('frozen statements are never changed or deleted');
CREATE TRIGGER frozen_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON frozen FOR EACH STATEMENT
EXECUTE FUNCTION refuse('frozen statements are never changed or deleted');
