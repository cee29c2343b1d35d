/* One tool effect under permits, with everything that may go wrong around it; see README.md.

   -DCLS=...    the class of the effect (KEYED, KEYED_BLIND: no look-up, RECONCILABLE, UNSAFE,
                TRANSACTIONAL)
   -DMUT=n      0 the protocol as it is; 1.. one rule broken, which must violate an assertion */
#define KEYED 1
#define KEYED_BLIND 2
#define RECONCILABLE 3
#define UNSAFE 4
#define TRANSACTIONAL 5
#ifndef CLS
#define CLS UNSAFE
#endif
#ifndef MUT
#define MUT 0
#endif
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef CLAIMS
#define CLAIMS 4
#endif
#define MOST 3 /* permits, numbered from 1 */
#define HAS_KEY (CLS == KEYED || CLS == KEYED_BLIND)
#define HAS_LOOKUP (CLS == KEYED || CLS == RECONCILABLE)

mtype:step = { READY, CLAIMED, PARKED, DONE, STOPPED };
mtype:effect = { INTENDED, IN_DOUBT, HAPPENED_, ABANDONED };
mtype:says = { NOTHING, UNKNOWN, HAPPENED, REFUSED, ABSENT };
mtype:mode = { FIRST, SAME_KEY, AFTER_REFUSAL, AFTER_ABSENT, AFTER_VERDICT };
mtype:answer = { GRANT, ADOPT, ADOPT_SEEN, LOOK_UP, WAIT, DOUBT, ABANDON };
mtype:reply = { SILENCE, OK, NO };

/* The database: the step's row, the effect's row, the permits' rows. */
mtype:step step = READY;
mtype:effect state = INTENDED;
byte fence = 0;
byte permits = 0;
mtype:says says[MOST + 1] = NOTHING;
bool of_verdict = false; /* the last "absent" came from a person */
bool stopping = false;

/* Time: what may still act, what has gone quiet, how the key lives. */
bool acting[MOST + 1];
bool quiet[MOST + 1];
bool usable = true;
bool era_over = false;

/* The outside world. */
bool in_flight[MOST + 1];
mtype:reply replied[MOST + 1] = SILENCE;
bool known_key = false; /* the service remembers our key */
byte effects = 0;
byte own_rows = 0;

#define OPEN(p) (permits >= p && (says[p] == NOTHING || says[p] == UNKNOWN))
#define ANY_OPEN (OPEN(1) || OPEN(2) || OPEN(3))
#define QUIET(p) (!OPEN(p) || quiet[p])
#define ALL_QUIET (QUIET(1) && QUIET(2) && QUIET(3))
#define PROVEN(p) (permits == p && (says[p] == REFUSED || says[p] == ABSENT))
#define LAST_PROVEN (PROVEN(1) || PROVEN(2) || PROVEN(3))
/* Who looks sees the effect, not the attempt. */
#define NEWEST_OPEN (OPEN(3) -> 3 : (OPEN(2) -> 2 : 1))
/* A look-up that began before all was quiet proves no absence. */
#define SEEN (looked && (calm || MUT == 2))
#define LAST_REFUSED (says[permits] == REFUSED)

/* domain/effect.decide_permit, line by line. */
inline decide(looked, found) {
  if
  :: state == HAPPENED_ -> answer = ADOPT
  :: state == ABANDONED -> answer = ABANDON
  :: else ->
    if
    :: permits == 0 -> answer = GRANT; mode = FIRST
    :: permits > 0 && LAST_PROVEN && (!ANY_OPEN || MUT == 9) ->
       answer = GRANT;
       mode = (LAST_REFUSED -> AFTER_REFUSAL : (of_verdict -> AFTER_VERDICT : AFTER_ABSENT))
    :: else ->
      if
      :: HAS_KEY && (usable || MUT == 8) ->
        if
        :: answer = GRANT; mode = SAME_KEY
        :: HAS_LOOKUP && !looked -> answer = LOOK_UP /* a look may come first, at any time */
        :: HAS_LOOKUP && looked && found -> answer = ADOPT_SEEN
        :: HAS_LOOKUP && looked && !found && LAST_REFUSED && calm && ALL_QUIET ->
           answer = GRANT; mode = AFTER_ABSENT; close_open()
        fi
      :: MUT == 4 && CLS == UNSAFE -> answer = GRANT; mode = AFTER_ABSENT; close_open()
      :: else ->
        if
        :: !ALL_QUIET && MUT != 2 -> answer = WAIT
        :: (ALL_QUIET || MUT == 2) && HAS_LOOKUP && !SEEN -> answer = LOOK_UP
        :: (ALL_QUIET || MUT == 2) && HAS_LOOKUP && SEEN ->
           if
           :: found -> answer = ADOPT_SEEN
           :: else -> answer = GRANT; mode = AFTER_ABSENT; close_open()
           fi
        :: ALL_QUIET && !HAS_LOOKUP -> answer = DOUBT
        fi
      fi
    fi
  fi
}

/* "It did not happen", said of every open permit: refused by a CHECK before it is quiet. */
inline close_open() {
  if :: OPEN(1) -> says[1] = ABSENT :: else fi;
  if :: OPEN(2) -> says[2] = ABSENT :: else fi;
  if :: OPEN(3) -> says[3] = ABSENT :: else fi
}

/* add_evidence: kept whatever became of the step; ends a doubt by itself. */
inline keep(p, what) {
  if
  :: OPEN(p) -> says[p] = what
  :: else -> assert(!(what == HAPPENED && (says[p] == ABSENT || says[p] == REFUSED)))
  fi;
  if
  :: what == HAPPENED -> state = HAPPENED_
  :: what == REFUSED && state == IN_DOUBT -> state = INTENDED
  :: else
  fi;
  if
  :: what != UNKNOWN && step == PARKED -> step = READY
  :: MUT == 12 && what != UNKNOWN && step == STOPPED -> step = READY
  :: else
  fi
}

#define OURS (step == CLAIMED && (fence == mine || MUT == 1))

proctype Worker() {
  byte mine;
  byte p;
  bool looked, found, calm; /* calm: all was quiet when the look-up began */
  mtype:answer answer;
  mtype:mode mode;
  mtype:reply heard;
again:
  end_claim: atomic {
    step == READY && fence < CLAIMS && !stopping ->
    step = CLAIMED; fence++; mine = fence;
    p = 0; looked = false; found = false; calm = false; answer = WAIT; mode = FIRST; heard = SILENCE
  }
#if CLS == TRANSACTIONAL
  atomic { /* the statements and the record are one fenced transaction */
    if
    :: OURS || MUT == 1 -> own_rows++; assert(own_rows <= 1); step = (MUT == 1 -> READY : DONE)
    :: else
    fi
  }
  goto again;
#endif
ask:
  atomic {
    if
    :: !OURS -> goto again
    :: OURS ->
       decide(looked, found);
       if
       :: answer == GRANT && (stopping || permits == MOST) ->
          step = (stopping -> STOPPED : READY); goto again
       :: answer == GRANT && !stopping && permits < MOST ->
          assert(mode == SAME_KEY || !ANY_OPEN); /* permits_one_live_idx */
          permits++; p = permits; acting[p] = true
       :: answer == ADOPT_SEEN -> p = NEWEST_OPEN; keep(p, HAPPENED); answer = ADOPT
       :: answer == DOUBT ->
          state = IN_DOUBT; step = (stopping -> STOPPED : PARKED); goto again
       :: answer == WAIT -> step = (stopping -> STOPPED : READY); goto again
       :: answer == LOOK_UP && stopping -> step = STOPPED; state = IN_DOUBT; goto again
       :: else
       fi
    fi
  }
  if
  :: answer == LOOK_UP ->
     atomic { found = (effects > 0); looked = true; calm = ALL_QUIET; goto ask } /* may freeze on either side */
  :: answer == ADOPT || answer == ABANDON -> goto record
  :: answer == GRANT -> skip
  fi;
  atomic { /* send; or the kernel's timer was faster */
    if
    :: acting[p] -> in_flight[p] = true
    :: !acting[p] -> goto again
    :: true -> acting[p] = false; goto again /* killed */
    fi
  }
  atomic { /* the reply, or the tool's own time-out; the timer is disarmed after either */
    if
    :: !acting[p] -> goto again
    :: acting[p] && replied[p] != SILENCE -> heard = replied[p]; acting[p] = false
    :: acting[p] -> heard = SILENCE; acting[p] = false
    :: true -> acting[p] = false; goto again /* killed */
    fi
  }
  /* From here it may freeze for as long as it likes: a reply that was heard is a fact. */
  atomic {
    if
    :: MUT == 11 && !OURS -> assert(heard == SILENCE) /* rolled back with the fence: lost */
    :: else ->
       if
       :: heard == OK -> keep(p, HAPPENED)
       :: heard == NO -> keep(p, REFUSED)
       :: heard == SILENCE && MUT == 10 -> state = HAPPENED_
       :: heard == SILENCE && MUT != 10 -> keep(p, UNKNOWN)
       fi
    fi;
    if
    :: heard != OK && MUT != 10 && OURS -> step = (stopping -> STOPPED : READY); goto again
    :: heard != OK && MUT != 10 && !OURS -> goto again
    :: else
    fi
  }
record:
  atomic {
    if
    :: OURS ->
       assert(answer == ABANDON || effects == 1); /* a result is of something that happened */
       step = DONE
    :: else
    fi
  }
  goto again
}

inline serve() {
  in_flight[q] = false;
  if
  :: true -> /* done */
     if
     :: HAS_KEY && known_key && MUT != 5 -> skip
     :: else -> effects++; assert(effects <= 1); known_key = true
     fi;
     if :: replied[q] = OK :: skip fi
  :: !(HAS_KEY && known_key) -> replied[q] = NO /* certainly not done, and it says so */
  :: skip /* lost on the way */
  fi
}

inline says_of_open(what) {
  if
  :: OPEN(1) -> says[1] = what
  :: !OPEN(1) && OPEN(2) -> says[2] = what
  :: !OPEN(1) && !OPEN(2) && OPEN(3) -> says[3] = what
  :: else
  fi
}
inline wake() { if :: step == PARKED -> step = READY :: else fi }

/* The service: does it (once per key that it remembers), refuses it, or never hears of it; its
   replies may be lost. */
proctype Service() {
  byte q;
  end_service: do
  :: atomic { in_flight[1] -> q = 1; serve() }
  :: atomic { in_flight[2] -> q = 2; serve() }
  :: atomic { in_flight[3] -> q = 3; serve() }
  :: atomic { HAS_KEY && era_over && known_key -> known_key = false }
  od
}

#define STILL(p) (permits < p || quiet[p])
#define ALL_STILL (STILL(1) && STILL(2) && STILL(3))

/* The timer kills the holder first; the settling time is over when nothing is in flight. */
#define may_rest(p) (!in_flight[p] || MUT == 7)
#define kill(p) if :: MUT == 6 -> skip :: else -> acting[p] = false fi

/* Time: leases run out whenever they like; the kernel's timer ends who may act; what was sent
   lands or is lost; then, and only then, a permit is quiet. A key is used for the last time long
   enough before it dies for every permit of its life to be quiet by then. */
proctype Clock() {
  end_clock: do
  :: atomic { step == CLAIMED && fence < CLAIMS ->
       if
       :: stopping -> step = STOPPED; if :: ANY_OPEN && state == INTENDED -> state = IN_DOUBT :: else fi
       :: else -> step = READY
       fi }
  :: atomic { permits >= 1 && !quiet[1] && may_rest(1) -> quiet[1] = true; kill(1) }
  :: atomic { permits >= 2 && !quiet[2] && may_rest(2) -> quiet[2] = true; kill(2) }
  :: atomic { permits >= 3 && !quiet[3] && may_rest(3) -> quiet[3] = true; kill(3) }
  :: atomic { HAS_KEY && permits > 0 && usable -> usable = false }
  :: atomic { HAS_KEY && !usable && !era_over && (ALL_STILL || MUT == 8) -> era_over = true }
  od
}

/* A person looks at what really happened and says so; "no" is refused before all is quiet. */
proctype Person() {
  end_person: do
  :: atomic { state == IN_DOUBT ->
       if
       :: effects > 0 -> state = HAPPENED_; says_of_open(HAPPENED); wake()
       :: effects == 0 && (ALL_QUIET || MUT == 3) ->
          close_open(); of_verdict = true; state = INTENDED; wake()
       :: state = ABANDONED; wake()
       fi }
  od
}

/* Somebody stops the job, once; what has ended never changes again. */
proctype Stop() {
  end_stop: atomic { step != DONE && !stopping -> stopping = true;
    if
    :: step == READY || step == PARKED ->
       step = STOPPED;
       if :: ANY_OPEN && state == INTENDED -> state = IN_DOUBT :: else fi
    :: else
    fi }
}

bool ended = false;
mtype:step end_;
proctype Final() {
  end_wait: atomic { step == DONE || step == STOPPED -> ended = true; end_ = step };
  end_final: atomic { step != end_ -> assert(false) } /* terminal is final */
}

init {
  atomic {
    byte i = 0;
    do :: i < WORKERS -> run Worker(); i++ :: else -> break od;
    run Service(); run Clock(); run Person(); run Stop(); run Final()
  }
}
