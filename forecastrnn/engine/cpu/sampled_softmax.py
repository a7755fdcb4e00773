"""Cross-entropy over a sample of the classes (Jean, Cho, Memisevic & Bengio 2015, arXiv:1412.2007).

The sum over all classes in a row's softmax becomes its true class and, for each of S classes drawn once a step, its
exponential over the count in which the class is expected in the draw: an unbiased estimate of the whole sum. So
`shift`, the log of that count, is taken from the scores of the sample; a drawn class that is a row's true one does not
count twice.

A true class has a slot in each shard: its column of the kernel and its bias lie together in truth (slots, F + 1), and
its gradients are summed in acc (slots, F + 1). place (V,) is 1 + the slot of a class, 0 without one.
"""

import math

import numpy as np

from forecastrnn.engine.cpu.build import doubles, fast, integers, kernel, pointers, sizes
from forecastrnn.engine.cpu.dropout import mix
from forecastrnn.engine.cpu.losses import begin_sums, row_weight, softmax_row
from forecastrnn.engine.cpu.packing import packed_at, total_weight, vectors_of
from forecastrnn.engine.cpu.simd import at, lanes, load, splat, total

CLASSES = 4  # `salt` of the draws, beside those of dropout
NEVER = -1e30  # the score of a class that does not count


@kernel("order seeds classes shift | V S always")
def draw_classes(record, step):
    """order (V,), most frequent first -> classes (S,) of this step, and shift (S,), the log of their expected counts.

    The first `always` ranks are all taken. The i-th of the other S - always draws comes from the i-th of so many parts,
    of equal chance, of the log-uniform distribution over the ranks that are left: equal classes lie side by side.
    """
    order, seeds, classes = integers(record, 0, 3)
    (shift,) = pointers(record, 3, 1)
    V, S, always = sizes(record, 4, 3)
    for j in range(always):
        classes[j], shift[j] = order[j], 0
    seed, drawn, spread = mix(seeds[step]), S - always, math.log((V + 1.0) / (always + 1.0))
    for i in range(drawn):
        x = mix(seed + np.uint64((CLASSES << 48) + i))
        u = (i + np.float64(x >> np.uint64(11)) / 9007199254740992.0) / drawn
        rank = min(max(int((always + 1.0) * math.exp(u * spread)) - 1, always), V - 1)
        classes[always + i] = order[rank]
        shift[always + i] = math.log(drawn * math.log((rank + 2.0) / (rank + 1.0)) / spread)


@kernel("source shift columns out | K S ld shifted")
def gather_columns(record, step):
    """out (K, S) = source (K, ld)[:, columns], less shift (S,) if `shifted`."""
    source, shift = pointers(record, 0, 2)
    (columns,) = integers(record, 2, 1)
    (out,) = pointers(record, 3, 1)
    K, S, ld, shifted = sizes(record, 4, 4)
    for k in range(K):
        for j in range(S):
            out[k * S + j] = source[k * ld + columns[j]]
            if shifted != 0:
                out[k * S + j] -= shift[j]


@fast
def forget_slots(place, labels, count):
    """No class has a slot."""
    for slot in range(count[0]):
        place[labels[slot]] = 0
    count[0] = 0


@fast
def open_slot(label, F, S, V, weights, bias, truth, acc, classes, labels, hits, count):
    """A new slot for a class: its weights, no gradient yet, and where it is in the sample (from, to)."""
    slot = count[0]
    labels[slot], count[0] = label, slot + 1
    own, sums = at(truth, slot * (F + 1)), at(acc, slot * (F + 1))
    for f in range(F):
        own[f], sums[f] = weights[f * V + label], 0
    own[F], sums[F] = bias[label], 0
    lo = 0
    while lo < S and classes[lo] != label:
        lo += 1
    hi = lo
    while hi < S and classes[hi] == label:
        hi += 1
    hits[2 * slot], hits[2 * slot + 1] = lo, hi
    return slot


@fast
def dot(a, b, n):
    """Sum of a[j] b[j] over j < n."""
    L = lanes(a)
    whole, parts = n // L * L, splat(a, 0.0)
    for j in range(0, whole, L):
        parts = parts + load(a, j) * load(b, j)
    s = float(total(parts))
    for j in range(whole, n):
        s += float(a[j]) * float(b[j])
    return s


@fast
def sampled_row(S, w, score, out, dout, lo, hi):
    """dout (S,) = w times the chances by scores out (S,), without lo .. hi; loss and slope of the true class."""
    for j in range(lo, hi):
        out[j] = NEVER
    others = float(softmax_row(S, out, dout))
    top = max(others, score)
    level = top + math.log(math.exp(others - top) + math.exp(score - top))
    share = w * math.exp(others - level)
    for j in range(S):
        dout[j] = dout[j] * share
    for j in range(lo, hi):
        dout[j] = 0
    return w * (level - score), w * (math.exp(score - level) - 1.0)


@kernel(
    "out features weights_t bias target weights dout share truth acc valid classes labels hits slots place count sums"
    " | k B S F V ldo ldf first last weighted shards piece fresh"
)
def sampled_cross_entropy(record, step):
    """out (k, B, ldo) of the sample's scores, features (k, B, ldf), target (k, B, 1) -> the slopes by the scores of the
    sample, dout, and of the true class, share (k, B), whose slots (k, B) are found or opened; weights_t (F, V).

    A target that is NaN, or whose weight is 0, has slot -1. `fresh`: sums and slots begin here.
    """
    out, features, weights_t, bias, target, weights, dout, share, truth, acc = pointers(record, 0, 10)
    valid, classes, labels, hits, slots, place, count = integers(record, 10, 7)
    (sums,) = doubles(record, 17, 1)
    k, B, S, F, V, ldo, ldf, first, last, weighted, shards, piece, fresh = sizes(record, 18, 13)
    own = at(sums, (step * shards + piece) * 2)
    loss, weight = begin_sums(own, fresh)
    if fresh != 0:
        forget_slots(place, labels, count)
    for t in range(k - 1, -1, -1):
        for r in range(B):
            w, row = row_weight(t, r, first, last, valid, weights, weighted), t * B + r
            d = at(dout, row * ldo)
            if w == 0.0 or target[row] != target[row]:
                slots[row] = -1
                for j in range(S):
                    d[j] = 0
                continue
            label = int(target[row])
            if place[label] == 0:
                place[label] = 1 + open_slot(label, F, S, V, weights_t, bias, truth, acc, classes, labels, hits, count)
            slot = place[label] - 1
            mine = at(truth, slot * (F + 1))
            score = dot(at(features, row * ldf), mine, F) + float(mine[F])
            l, slope = sampled_row(S, w, score, at(out, row * ldo), d, hits[2 * slot], hits[2 * slot + 1])
            slots[row], share[row] = slot, slope
            loss += l
            weight += w
    own[0], own[1] = loss, weight


@kernel("features truth acc share dfeatures slots | rows F ldf ldd")
def true_class_back(record, step):
    """acc[slot] += share (features, 1), dfeatures (rows, ldd) += share truth[slot]; the last rows first, as in BPTT."""
    features, truth, acc, share, dfeatures = pointers(record, 0, 5)
    (slots,) = integers(record, 5, 1)
    rows, F, ldf, ldd = sizes(record, 6, 4)
    for row in range(rows - 1, -1, -1):
        if slots[row] < 0:
            continue
        slope, a, d = share[row], at(features, row * ldf), at(dfeatures, row * ldd)
        mine, sums = at(truth, slots[row] * (F + 1)), at(acc, slots[row] * (F + 1))
        for f in range(F):
            sums[f] += slope * a[f]
            d[f] += slope * mine[f]
        sums[F] += slope


@kernel("packed acc grad classes labels count sums | K S V ld room wide shards stride lo hi")
def scatter_classes(record, step):
    """Rows lo .. hi of grad (K, V) = sums over shards of packed (K, S), at the sample's columns, and of
    acc (shards, room, ld), at the true classes', over the total weight; zero elsewhere.
    """
    packed, acc, grad = pointers(record, 0, 3)
    classes, labels, count = integers(record, 3, 3)
    (totals,) = doubles(record, 6, 1)
    K, S, V, ld, room, wide, shards, stride, low, high = sizes(record, 7, 10)
    L, scale = lanes(packed), 1.0 / total_weight(totals, shards, step)
    vecs = vectors_of(S, L)
    for k in range(low, high):
        row = at(grad, k * V)
        for c in range(V):
            row[c] = 0
        for vec in range(vecs):
            base = packed_at(vec, k, K, 1, vecs, wide, L)
            for lane in range(min(L, S - vec * L)):
                s = packed[base + lane]
                for shard in range(1, shards):
                    s += packed[shard * stride + base + lane]
                row[classes[vec * L + lane]] += s * scale
        for shard in range(shards):
            for slot in range(shard * room, shard * room + count[shard]):
                row[labels[slot]] += acc[slot * ld + k] * scale
