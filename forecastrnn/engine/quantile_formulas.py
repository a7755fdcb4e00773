"""Quantiles of distributions, and the cumulative functions that they invert; single numbers in float64.

A share that is drawn evenly between 0 and 1 makes a draw of a quantile, and 0.5 the median.
"""

import math

from forecastrnn.engine.scalar_formulas import scalar

CLOSE = 1e-14  # of series and fractions, relative
LONGEST = 1000  # terms of them
MANY = 1e5  # mean of counts above which their steps do not matter beside their deviation
LOWEST = 9.0  # deviations below the mean of a Poisson distribution, whose share is nothing
NORMAL = 1e4  # shape of a gamma distribution above which the formula of Wilson and Hilferty is exact enough
FEW, WIDE = 2000.0, 60.0  # mean counts, and pieces of an amount, above which they are gamma distributed


@scalar
def normal_quantile(u):
    """Of the normal distribution: algorithm AS 241 (Wichura 1988), PPND16, with a relative error of 1e-16."""
    q = u - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        return q * (((((((2.5090809287301226727e3 * r + 3.3430575583588128105e4) * r + 6.7265770927008700853e4) * r
            + 4.5921953931549871457e4) * r + 1.3731693765509461125e4) * r + 1.9715909503065514427e3) * r
            + 1.3314166789178437745e2) * r + 3.3871328727963666080e0) / (
            ((((((5.2264952788528545610e3 * r + 2.8729085735721942674e4) * r + 3.9307895800092710610e4) * r
            + 2.1213794301586595867e4) * r + 5.3941960214247511077e3) * r + 6.8718700749205790830e2) * r
            + 4.2313330701600911252e1) * r + 1.0)  # fmt: skip
    r = u if q < 0.0 else 1.0 - u
    r = math.sqrt(-math.log(r if r > 1e-300 else 1e-300))
    if r <= 5.0:
        r -= 1.6
        value = (((((((7.74545014278341407640e-4 * r + 2.27238449892691845833e-2) * r + 2.41780725177450611770e-1) * r
            + 1.27045825245236838258e0) * r + 3.64784832476320460504e0) * r + 5.76949722146069140550e0) * r
            + 4.63033784615654529590e0) * r + 1.42343711074968357734e0) / (
            ((((((1.05075007164441684324e-9 * r + 5.47593808499534494600e-4) * r + 1.51986665636164571966e-2) * r
            + 1.48103976427480074590e-1) * r + 6.89767334985100004550e-1) * r + 1.67638483018380384940e0) * r
            + 2.05319162663775882187e0) * r + 1.0)  # fmt: skip
    else:
        r -= 5.0
        value = (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 1.24266094738807843860e-3) * r
            + 2.65321895265761230930e-2) * r + 2.96560571828504891230e-1) * r + 1.78482653991729133580e0) * r
            + 5.46378491116411436990e0) * r + 6.65790464350110377720e0) / (
            ((((((2.04426310338993978564e-15 * r + 1.42151175831644588870e-7) * r + 1.84631831751005468180e-5) * r
            + 7.86869131145613259100e-4) * r + 1.48753612908506148525e-2) * r + 1.36929880922735805310e-1) * r
            + 5.99832206555887937690e-1) * r + 1.0)  # fmt: skip
    return -value if q < 0.0 else value


@scalar
def beta_fraction(a, b, x):
    """The continued fraction of the incomplete beta function, by Lentz (Press et al. 2007, 6.4)."""
    tiny, c, d = 1e-300, 1.0, 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > tiny else tiny)
    found = d
    for m in range(1, LONGEST):
        for part in range(2):
            if part == 0:
                factor = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
            else:
                factor = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
            d, c = 1.0 + factor * d, 1.0 + factor / c
            d = 1.0 / (d if abs(d) > tiny else tiny)
            c = c if abs(c) > tiny else tiny
            found *= d * c
        if abs(d * c - 1.0) < CLOSE:
            break
    return found


@scalar
def beta_share(a, b, x):
    """The regularised incomplete beta function I_x(a, b)."""
    if x <= 0.0 or x >= 1.0:
        return 0.0 if x <= 0.0 else 1.0
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(1.0 - x)
    if x < (a + 1.0) / (a + b + 2.0):
        return math.exp(front) * beta_fraction(a, b, x) / a
    return 1.0 - math.exp(front) * beta_fraction(b, a, 1.0 - x) / b


@scalar
def student_quantile(u, degrees):
    """Of Student's t: Newton's steps on the logarithm of the tail, by v = log(1 + t^2 / degrees), which it is near."""
    tail = u if u < 0.5 else 1.0 - u
    if not tail < 0.5:
        return 0.0 * u
    tail = tail if tail > 1e-300 else 1e-300
    t = -normal_quantile(tail)
    v = math.log(1.0 + t * t / degrees)
    norm = math.lgamma(0.5 * (degrees + 1.0)) - math.lgamma(0.5 * degrees) - 0.5 * math.log(degrees * math.pi)
    for _ in range(50):
        t = math.sqrt(degrees * (math.exp(v) - 1.0))
        beyond = 0.5 * beta_share(0.5 * degrees, 0.5, math.exp(-v))
        slope = math.exp(norm - 0.5 * (degrees + 1.0) * v) * 0.5 * degrees * math.exp(v) / t / beyond
        change = math.log(beyond / tail) / slope
        change = change if change > -0.9 * v else -0.9 * v
        v += change
        if abs(change) < 1e-13 * v or v > 690.0:
            break
    t = math.sqrt(degrees * (math.exp(v if v < 690.0 else 690.0) - 1.0))
    return -t if u < 0.5 else t


@scalar
def gamma_share(a, x):
    """The regularised lower incomplete gamma function: its series or its fraction (Press et al. 2007, 6.2)."""
    if x <= 0.0:
        return 0.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1.0:
        term = 1.0 / a
        total, n = term, a
        for _ in range(LONGEST):
            n += 1.0
            term *= x / n
            total += term
            if term < total * CLOSE:
                break
        return front * total
    b, tiny = x + 1.0 - a, 1e-300
    c, d = 1.0 / tiny, 1.0 / b
    found = d
    for i in range(1, LONGEST):
        b += 2.0
        d, c = b - i * (i - a) * d, b - i * (i - a) / c
        d = 1.0 / (d if abs(d) > tiny else tiny)
        c = c if abs(c) > tiny else tiny
        found *= d * c
        if abs(d * c - 1.0) < CLOSE:
            break
    return 1.0 - front * found


@scalar
def gamma_quantile(u, a):
    """Of the gamma distribution: from the formula of Wilson and Hilferty (1931), Newton's steps on the logarithm."""
    u = u if u > 1e-300 else 1e-300
    root = 1.0 - 1.0 / (9.0 * a) + normal_quantile(u) / (3.0 * math.sqrt(a))
    if a > NORMAL:
        return a * root * root * root
    y = math.log(a) + 3.0 * math.log(root if root > 0.1 else 0.1)
    small = (math.log(u) + math.lgamma(a + 1.0)) / a  # where the first term of the series is all
    y = small if root < 0.3 and small < y else y
    for _ in range(60):
        if y < -690.0:
            break
        x = math.exp(y)
        slope = math.exp(a * y - x - math.lgamma(a))
        change = (u - gamma_share(a, x)) / (slope if slope > 1e-300 else 1e-300)
        change = 1.0 if change > 1.0 else (-1.0 if change < -1.0 else change)
        y += change
        if abs(change) < 1e-9:
            break
    return math.exp(y)


@scalar
def poisson_quantile(u, mean):
    """The least count up to which a share u lies: the shares of all counts are added up, from the first that matter."""
    if not u > 0.0 or not mean > 0.0:
        return 0.0
    if u >= 1.0 - 1e-15:
        u = 1.0 - 1e-15
    if mean > MANY:
        z, deviation = normal_quantile(u), math.sqrt(mean)
        return math.floor(mean + z * deviation + (z * z - 1.0) / 6.0 + 0.5)
    k = math.floor(mean - LOWEST * math.sqrt(mean))
    k = 0.0 if k < 0.0 else k
    part = math.exp(k * math.log(mean) - mean - math.lgamma(k + 1.0))
    total = part
    while total < u and (k < mean or part > 1e-18):
        k += 1.0
        part *= mean / k
        total += part
    return k


@scalar
def negative_binomial_quantile(u, mean, size):
    """The same of the negative binomial distribution with the variance mean + mean^2 / size."""
    if not u > 0.0 or not mean > 0.0:
        return 0.0
    if u >= 1.0 - 1e-15:
        u = 1.0 - 1e-15
    if size > 1e5 * (mean if mean > 1.0 else 1.0):
        return poisson_quantile(u, mean)
    if mean > FEW:
        shape = mean * size / (size + mean)
        return math.floor(gamma_quantile(u, shape) * mean / shape + 0.5)
    share = mean / (size + mean)
    k = math.floor(mean - LOWEST * math.sqrt(mean + mean * mean / size))
    k = 0.0 if k < 0.0 else k
    ways = math.lgamma(k + size) - math.lgamma(size) - math.lgamma(k + 1.0)
    part = math.exp(ways + size * math.log(1.0 - share) + k * math.log(share))
    total = part
    while total < u and (k < mean or part > 1e-18):
        part *= (k + size) / (k + 1.0) * share
        total += part
        k += 1.0
    return k


@scalar
def tweedie_share(y, mean, dispersion, power):
    """The share of a Tweedie distribution up to y: that of 0, and of so many gamma distributed pieces."""
    shape = (2.0 - power) / (power - 1.0)
    count = math.exp((2.0 - power) * math.log(mean)) / (dispersion * (2.0 - power))
    scale = dispersion * (power - 1.0) * math.exp((power - 1.0) * math.log(mean))
    k = math.floor(count - LOWEST * math.sqrt(count))
    k = 0.0 if k < 0.0 else k
    part = math.exp(k * math.log(count) - count - math.lgamma(k + 1.0))
    total = part if k == 0.0 else part * gamma_share(k * shape, y / scale)
    while k < count or part > 1e-12:
        k += 1.0
        part *= count / k
        total += part * gamma_share(k * shape, y / scale)
    return total


@scalar
def tweedie_quantile(u, mean, dispersion, power):
    """Of Tweedie's distribution: 0 where the share is within that of 0, else between two bounds that close in.

    By the rule of false position with halved weights (Dowell and Jarratt 1971), on the cube root of the value; of many
    pieces by the gamma distribution of the same mean, deviation and skewness.
    """
    count = math.exp((2.0 - power) * math.log(mean)) / (dispersion * (2.0 - power))
    if u <= math.exp(-count):
        return 0.0
    u = u if u < 1.0 - 1e-9 else 1.0 - 1e-9
    spread = math.sqrt(dispersion) * math.exp(0.5 * power * math.log(mean))
    if count > WIDE:
        skew = power * spread / mean
        shape = 4.0 / (skew * skew)
        value = mean + (gamma_quantile(u, shape) - shape) * 0.5 * skew * spread
        return value if value > 0.0 else 0.0
    low, high, below = 0.0, math.exp(math.log(mean + spread) / 3.0), math.exp(-count) - u
    above = tweedie_share(high * high * high, mean, dispersion, power) - u
    while above < 0.0:
        low, below, high = high, above, 1.5 * high
        above = tweedie_share(high * high * high, mean, dispersion, power) - u
    side = 0
    for _ in range(60):
        x = (low * above - high * below) / (above - below)
        here = tweedie_share(x * x * x, mean, dispersion, power) - u
        if abs(here) < 1e-9 or high - low < 1e-9 * high:
            break
        if here < 0.0:
            low, below, above = x, here, 0.5 * above if side == -1 else above
            side = -1
        else:
            high, above, below = x, here, 0.5 * below if side == 1 else below
            side = 1
    return x * x * x
