"""Plain keyword search of Postgres over texts that are in no table, to measure others by."""

from collections.abc import Sequence

from agent_workers.state.database.engine import Database

# Any of the words, as one who searches by keywords hopes; `english` drops and stems words.
_RANKED = """
select t.n::int - 1 from unnest(%s::text[]) with ordinality as t (words, n),
       (select replace(plainto_tsquery('english', %s)::text, '&', '|')::tsquery as query) q
 where to_tsvector('english', t.words) @@ q.query
 order by ts_rank(to_tsvector('english', t.words), q.query) desc, t.n limit %s"""


def ranked_by_keywords(
    database: Database, texts: Sequence[str], query: str, *, limit: int
) -> list[int]:
    """Return the places of the texts that share words with the query, the best first."""
    with database.connection() as connection:
        rows = connection.execute(_RANKED, (list(texts), query, limit)).fetchall()
    return [row[0] for row in rows]
