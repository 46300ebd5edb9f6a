"""The reported NaNs and infinities of PyTorch code, written as functions on tensors."""

import torch

INF = float("inf")


def squared_root(x):  # tensorflow#5562
    return torch.sqrt(x) ** 2


def distance(x, y):  # pytorch#37154
    return ((x - y) ** 2).sum().sqrt()


def library_distance(x, y):
    return (x - y).norm()


def floored_hypotenuse(x, y):  # mlx#3668
    r = torch.sqrt(x**2 + y**2)
    return torch.maximum(r, torch.full_like(r, 1e-10))


def capped_exponential(x):  # pytorch#156212
    return torch.where(x <= 10, torch.exp(x), torch.ones_like(x))


def logarithm_or_line(x):  # pytorch#108618
    return torch.where(x > 2, torch.log2(x), 2 * x)


def unused_quotient(a):  # pytorch#52248
    return torch.where(torch.zeros((), dtype=torch.bool), a / 0, torch.ones_like(a))


def root_or_one(x, y):  # jax#347
    r = torch.sqrt(x**2 + y**2)
    return torch.where(r > 0.5, r, torch.ones_like(r))


def two_branches(x):  # tensorflow#20355
    left = 1 / (1 - x)
    right = torch.log(x + 1)
    return torch.where(x < 0, left, right)


def factor_of_logarithm(a, x):  # tensorflow#20091
    h = a * torch.log(x)
    return torch.where(x >= 0, h, torch.zeros_like(h)).sum()


def power_zero(x):  # pytorch#8940
    return x**0


def power_by_logarithm(x):  # autodiff#75
    return torch.exp(2 * torch.log(x))


def fraction_to_power_zero(x):  # jax#12409
    return (x - torch.floor(x)) ** 0


def nested_logaddexp(a, b, c):  # pytorch#49724
    h = torch.logaddexp(a, b)
    return torch.logaddexp(h, c)


def product_by_logarithm(x):  # pytorch#773
    return torch.exp(torch.log(x).sum())


def product(x):
    return x.prod()


def running_product(x):  # tensorflow#3862
    return x.cumprod(0).sum()


def angle_in_half_precision(a, b):  # pytorch#193040
    return torch.atan2(a, b)


def softplus_by_hand(x):  # burn#5374
    return torch.log(1 + torch.exp(x))


def softplus_by_log1p(x):
    return torch.log1p(torch.exp(x))


def clamped_root(x):  # kornia#4229a
    return x.clamp(min=0).sqrt()


def logsumexp(x):  # pytorch#31829
    return torch.logsumexp(x, 0)


def first_softmax(x):
    return torch.softmax(x, 0)[0]


def first_log_softmax(x):
    return torch.log_softmax(x, 0)[0]


def angle(a, b):  # pytorch#59194
    cosine = (a * b).sum() / (a.norm() * b.norm())
    return torch.acos(cosine)


def entropy(x):  # jax#15709
    return -x * torch.log(x)


def root_of_squares(x):  # ChainRules.jl#538
    return torch.sqrt((x**2).sum())


def hypotenuse(x, y):
    return torch.hypot(x, y)


def root_of_square(x):  # jax#37820
    return torch.sqrt(x * x)


def power_of_zero(u):  # stan-dev/math#3031
    b = (u - u) ** 2
    return b**0.5


def root_times(x):  # Zygote.jl#1101b
    return x * torch.sqrt(x)


def root_of_variance(x):  # jax#11716
    return x.var(correction=0).sqrt()


def jump_to_root(x):  # pytorch#23395
    return torch.where(x == 0, x / 2, torch.sqrt(x) + 1)


def log_of_sigmoid(x):
    return torch.log(torch.sigmoid(x))


def cross_entropy_by_hand(x):
    p = torch.softmax(x, 0)
    return -torch.log(p)[0]


def logsumexp_by_hand(x):
    return torch.log(torch.exp(x).sum())


def sigmoid_by_hand(x):
    return 1 / (1 + torch.exp(-x))


def masked_softmax(x):
    scores = x.masked_fill(torch.tensor([True, True]), -INF)
    return torch.softmax(scores, 0).sum()


def written_over(x):
    h = torch.log(x)
    h[x < 1] = 0
    return h.sum()


def normalised(x):
    return (x / x.norm()).sum()


def standard_score(x):
    return ((x - x.mean()) / x.std()).sum()


def identity_by_relu(x):
    return torch.relu(x) - torch.relu(-x)


def norm(x):  # pytorch#2421
    return x.norm()


def spread(x):  # jax#11716, in torch
    return x.std(correction=0)


def pairwise_distance(x, y):  # pytorch#37154
    return torch.cdist(x[None], y[None])


def scaled_by_sum(x):  # pytorch#3264
    return torch.nn.functional.normalize(x, p=1, dim=0)[0]


def library_entropy(x):  # jax#15709
    return torch.special.entr(x)


def entropy_by_xlogy(x):  # pytorch#80770
    return -torch.xlogy(x, x)


def absolute_loss(x, t):  # pytorch#96813
    return torch.nn.functional.smooth_l1_loss(x, t, beta=0)


def library_log_sigmoid(x):  # pytorch#31829
    return torch.nn.functional.logsigmoid(x)


def root_with_power(x):  # Zygote.jl#1101b
    return x**1.5


def cardinal_sine(x):  # pytorch#196703
    return torch.where(x == 0, 1.0, torch.sin(torch.pi * x) / (torch.pi * x))


# The second derivatives: NaNs in the backward of a gradient.


def slope_of_logaddexp(x):  # pytorch#196704
    value = torch.logaddexp(x, torch.zeros_like(x)).sum()
    return torch.autograd.grad(value, x, create_graph=True)[0]


def slope_of_sinc(x):  # pytorch#196703
    value = torch.sinc(x).sum()
    return torch.autograd.grad(value, x, create_graph=True)[0]


def slope_of_power(x):  # Zygote.jl#1101b
    value = (x**1.5).sum()
    return torch.autograd.grad(value, x, create_graph=True)[0]


def slope_of_product(a, b, c, d):  # pytorch#193012
    value = (4000 * a * b * c * d).sum()
    return torch.autograd.grad(value, a, create_graph=True)[0]


def slopes_of_determinant(a):  # pytorch#192521
    return torch.func.jacrev(torch.linalg.det)(a)
