-- By what a row is found whose text may be of any length: an index has room for a third of a page of it. Two texts have one key
-- only where they are the same text: what is no digest does not begin with the character that digests begin with.
CREATE FUNCTION brief(whole text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
  SELECT CASE WHEN octet_length(whole) <= 800 AND left(whole, 1) <> E'\x01' THEN whole
  ELSE E'\x01' || encode(sha256(convert_to(whole, 'UTF8')), 'hex') END
$$;
