/* One page: blind writers, flusher, evictor, loader (fault), fold, cleaner + reuse of freed places.
 * Every update is a merge operand (one bit of a mask), so a loss AND a double application are visible.
 * run:  spin -a -DBUG_x page_fault.pml && gcc -O2 -DSAFETY -DCOLLAPSE -DMEMLIM=7000 -o pan pan.c && ./pan -m400000
 *       (or: sh run.sh page_fault.pml -DBUG_x ; TRAIL=60 prints the counterexample).  An invalid end state = somebody waits forever.
 * no -D = the corrected protocol.  Variants that must fail (first four = architecture.md read literally):
 *  BUG_CAPALL   capture writes every resolved entry (also ts >= L)          (5: "write resolved entries")
 *  BUG_EVSTAMP  EVICTED carries smo_version only: equal again after a flush (3.4 ii)
 *  BUG_NOVER    disk word compared by address only, piece identity = CRC+pid (3.1 INLINE(addr,len), 8)
 *  BUG_NODROP   loader stacks the whole chain on the image, no ts<covers drop (8 "image + current deltas")
 *  BUG_ORDER    mem drops before disk is updated       BUG_DM   loader re-reads disk then mem
 *  BUG_STKDROP  flusher removes flushed deltas from STACK without folding them into the base
 *  BUG_EVLATE   evictor drops every resolved delta, not only ts < disk covers
 *  BUG_BASECAP  a base, like a fragment, leaves out what older pieces cover (section 5 as first written; found here by randomized search)
 *  BUG_NOPUSH   capture does not push PENDING         BUG_BASETS  base rewritten although base.max_ts >= L */
#ifndef NFL
#define NFL 2   /* flushes */
#endif
#ifndef NEV
#define NEV 2   /* evictions */
#endif
#ifndef NLD
#define NLD 2   /* faults */
#endif
#ifndef NCL
#define NCL 1   /* relocations */
#endif
#define NS 5
#ifdef BUG_NOVER
#define VERCH false
#else
#define VERCH (v0!=dver)
#endif
#define EV 0
#define BASE 1
#define STACK 2
#define PART 3
byte tail=2, ts[2], bnd[2], acked;
byte mt=EV, mch, mb, stale;   /* mem word: tag, chain, base content. stale: one bit per process, set at every change = unique pointer or stamp, without a counter */
byte dn=1, da[3], dver=1, dcov=1;           /* disk word: pieces, version, covers of the newest piece */
byte sset[NS], scov[NS], sver[NS]; bool sgarb[NS];   /* storage places */
byte fa=255, ca=255;                        /* places being written by flusher / cleaner */
#define B(c,i) ((c)->(1<<i):0)
#define LT(x) (B(ts[0]!=0&&ts[0]<(x),0)|B(ts[1]!=0&&ts[1]<(x),1))   /* resolved, ts < x */
#define RES LT(255)
/* a base replaces all pieces, so it takes entries from below covers too: the loader may have put a base under them that lacks them */
#ifdef BUG_BASECAP
#define LOWER(i) (ts[i]>=dcov)
#else
#define LOWER(i) true
#endif
#define P(k) (da[k])
/* materialise: an entry with ts < covers of an older piece is dropped */
#define ADD1 (sset[P(1)]&~LT(scov[P(0)]))
#define ADD2 (sset[P(2)]&~LT(scov[P(1)]))
#define DUR (sset[P(0)]|B2(dn>1,ADD1)|B2(dn>2,ADD2))
#define B2(c,x) ((c)->(x):0)
inline fresh(){ stale=255 }
#ifdef BUG_EVSTAMP
#define SAME(p) (mt==t && (t==EV || !(stale&(1<<(p)))))
#else
#define SAME(p) (mt==t && !(stale&(1<<(p))))
#endif
#define SEEN(p) stale=stale&~(1<<(p))
inline setev(){ stale=255 }
inline check(){ skip; d_step{
  assert(!sgarb[P(0)] && (dn<2||!sgarb[P(1)]) && (dn<3||!sgarb[P(2)]));
  assert((sset[P(0)] & B2(dn>1,ADD1))==0 && ((sset[P(0)]|B2(dn>1,ADD1)) & B2(dn>2,ADD2))==0);
  assert(DUR==LT(dcov));      /* the pieces hold exactly the updates with ts < covers: so redo neither loses nor doubles */
  if :: mt==BASE||mt==STACK -> assert((mb&mch)==0); assert((acked&~(mb|mch))==0)
     :: else -> assert((acked&~(DUR|mch))==0) fi } }
proctype Writer(byte i){
  byte t,l;
R: atomic{ t=mt; SEEN(i) }
  atomic{ if :: SAME(i) -> mch=mch|(1<<i); mt=((t==EV||t==PART)->PART:STACK); fresh(); t=0
     :: else->t=0; goto R fi }
S: atomic{ l=tail; tail++ }
  atomic{ if :: bnd[i]<=l -> ts[i]=l; acked=acked|(1<<i); check() :: else -> l=0; goto S fi; l=0 }
}
#define used(a) (da[0]==a||(dn>1&&da[1]==a)||(dn>2&&da[2]==a)||fa==a||ca==a)
inline alloc(x){ if :: !used(0)->x=0 :: used(0)&&!used(1)->x=1 :: used(0)&&used(1)&&!used(2)->x=2 :: used(0)&&used(1)&&used(2)&&!used(3)->x=3 :: used(0)&&used(1)&&used(2)&&used(3)->x=4 fi; sgarb[x]=true; sset[x]=0; scov[x]=0; sver[x]=0 }
active proctype Flusher(){
  byte L,t,ch,b,cap,n; bool fl;
  do :: n<NFL ->
    L=tail;
    atomic{ t=mt; ch=mch; b=mb; cap=0 }
    /* per delta, in any order and interleaved: PENDING -> push; resolved -> write iff ts < L */
    atomic{ if :: (ch&1) && ts[0]==0 ->
#ifndef BUG_NOPUSH
              bnd[0]=(bnd[0]<L->L:bnd[0])
#else
              skip
#endif
           :: (ch&1) && ts[0]!=0 ->
#ifdef BUG_CAPALL
              cap=cap|1
#else
              cap=cap|B(ts[0]<L&&LOWER(0),0)
#endif
           :: else fi }
    atomic{ if :: (ch&2) && ts[1]==0 ->
#ifndef BUG_NOPUSH
              bnd[1]=(bnd[1]<L->L:bnd[1])
#else
              skip
#endif
           :: (ch&2) && ts[1]!=0 ->
#ifdef BUG_CAPALL
              cap=cap|2
#else
              cap=cap|B(ts[1]<L&&LOWER(1),1)
#endif
           :: else fi;
       fl=((b&~LT(dcov))!=0);           /* dirty base: only a base write makes it clean */
#ifndef BUG_BASETS
       if :: (b&~LT(L)) -> goto nextf :: else fi;
#endif
       if :: (cap&~LT(dcov))==0 && !fl -> goto nextf :: else fi;
       if :: t==BASE||t==STACK -> fl=true :: !fl && dn<3 -> skip :: !fl && dn>=3 && (t==EV||t==PART) -> goto nextf fi }
    atomic{ alloc(fa) }
    atomic{ sset[fa]=(fl->(b|cap):(cap&~LT(dcov))); scov[fa]=L; sgarb[fa]=false; sver[fa]=dver+1 }  /* write done, durable */
#ifdef BUG_ORDER
    atomic{ if :: mt==PART && (mch&cap)==cap -> mch=mch&~cap; if :: mch==0->mt=EV :: else fi; fresh() :: else fi }
#endif
    atomic{ if :: fl -> dn=1; da[0]=fa; da[1]=0; da[2]=0 :: else -> da[dn]=fa; dn++ fi; dver++; dcov=L; fa=255; check() }
    /* drop: computed anew from the current word */
D:  atomic{ t=mt; SEEN(2); ch=mch&~LT(L) }
    atomic{ if :: !SAME(2) -> goto D
       :: else ->
         if :: t==PART && ch!=mch -> mch=ch; if :: ch==0 -> mt=EV; setev() :: else -> fresh() fi
#ifdef BUG_STKDROP
            :: t==STACK -> mch=ch; fresh()
#endif
            :: else fi; check() fi }
nextf: atomic{ n++; L=0;t=0;ch=0;b=0;cap=0;fl=false }
  :: else -> break od
}
active proctype Evictor(){   /* STACK->PARTIAL->EVICTED, BASE->EVICTED, each by one CAS on the examined word */
  byte t,ch,n; bool dirty;
  do :: atomic{ n<NEV && (mt==BASE||mt==STACK) -> t=mt; SEEN(3); ch=mch;
      dirty=((mb&~LT(dcov))!=0);
#ifdef BUG_EVLATE
      ch=ch&~RES
#else
      ch=ch&~LT(dcov)
#endif
    }
    atomic{ if :: !dirty && SAME(3) -> mb=0; mch=ch; if :: ch==0 -> mt=EV; setev() :: else -> mt=PART; fresh() fi; check() :: else fi;
      n++; t=0;ch=0;dirty=false }
  :: true -> break od
}
active proctype Fold(){      /* consolidation: resolved deltas into a new base, unresolved carried by reference */
  byte t=STACK,ch,b;
    atomic{ if :: mt==STACK -> SEEN(4); ch=mch&~RES; b=mb|(mch&RES) :: true -> goto X fi }
    atomic{ if :: SAME(4) -> mb=b; mch=ch; mt=(ch==0->BASE:STACK); fresh(); check() :: else fi }
X:  skip
}
active proctype Loader(){
  byte n0,a[3],v0,img,cv,k,t,ch,n; bool g;
  do :: n<NLD ->
R:  atomic{ n0=dn; a[0]=da[0]; a[1]=da[1]; a[2]=da[2]; v0=dver; img=0; cv=0; k=0; g=false }   /* copy of the refs, by value */
    do :: k<n0 -> atomic{   /* the read of one piece, identity check against the ref */
          if :: sgarb[a[k]] -> g=true
#ifndef BUG_NOVER
             :: !sgarb[a[k]] && sver[a[k]]>v0 -> g=true
#endif
             :: else -> img=img|(sset[a[k]]&~LT(cv)); cv=scov[a[k]] fi; k++ }
       :: else->break od;
#ifdef BUG_DM
    atomic{ if :: n0!=dn||a[0]!=da[0]||a[1]!=da[1]||a[2]!=da[2]||VERCH||g -> goto C :: else fi }
    atomic{ t=mt; SEEN(5); ch=mch }
#else
    atomic{ t=mt; SEEN(5); ch=mch }
    atomic{ if :: n0!=dn||a[0]!=da[0]||a[1]!=da[1]||a[2]!=da[2]||VERCH -> goto C    /* word changed: start over */
               :: else -> assert(!g) fi }         /* bad bytes at an unchanged ref would be reported as corruption */
#endif
    atomic{ if :: t==BASE||t==STACK -> goto C :: else fi;
#ifndef BUG_NODROP
      ch=ch&~LT(cv)
#endif
    }
    atomic{ if :: SAME(5) -> mb=img; mch=ch; mt=(ch==0->BASE:STACK); fresh(); check() :: else fi }
C:  atomic{ n++; n0=0;a[0]=0;a[1]=0;a[2]=0;v0=0;img=0;cv=0;k=0;t=0;ch=0;g=false }
  :: true -> break od
}
active proctype Cleaner(){
  byte a,v,k,n;
  do :: n<NCL ->
    atomic{ v=dver; if :: k=0 :: dn>1 -> k=1 fi; a=da[k]; alloc(ca) }
    atomic{ sset[ca]=sset[a]; scov[ca]=scov[a]; sver[ca]=sver[a]; sgarb[ca]=sgarb[a] }
    atomic{ if :: dver==v && dn>k && da[k]==a -> da[k]=ca; ca=255; check() :: else -> ca=255 fi; n++;a=0;v=0;k=0 }
  :: true -> break od
}
active proctype Scribble(){  /* a freed place is reused for another page's bytes */
  if :: atomic{ !used(0)->sgarb[0]=true } :: atomic{ !used(1)->sgarb[1]=true } :: true fi
}
init { atomic{ scov[0]=1; sver[0]=1; run Writer(0); run Writer(1) } }
