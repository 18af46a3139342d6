-- The durable record of every run.
CREATE TABLE run (
  id text PRIMARY KEY,
  task jsonb NOT NULL,
  state text NOT NULL CHECK (state IN ('received', 'working', 'ended')),
  outcome jsonb,
  -- The newest claim's number; whoever writes under an older one is refused.
  fence integer NOT NULL DEFAULT 0,
  -- The one queue job that may claim this run; any other job that names it is from before.
  job text,
  received_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz
);

-- What a request is recognised by: the same meaning is the same run.
CREATE TABLE run_key (
  key text PRIMARY KEY,
  run text NOT NULL REFERENCES run (id) ON DELETE CASCADE
);

-- Append-only: the trajectory, the summary and the recovery all read it.
CREATE TABLE journal (
  run text NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  seq integer NOT NULL,
  fence integer NOT NULL,
  entry jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (run, seq)
);

-- One row a write to the forge: noted before it is made, and its result after.
CREATE TABLE outbox (
  run text NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  purpose text NOT NULL,
  fence integer NOT NULL,
  done boolean NOT NULL DEFAULT false,
  result jsonb,
  intended_at timestamptz NOT NULL DEFAULT now(),
  done_at timestamptz,
  PRIMARY KEY (run, purpose)
);
