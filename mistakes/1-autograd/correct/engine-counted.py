import heapq
import itertools

COUNTER = itertools.count()


class Value:
    """Nodes are numbered as they are made, and the newest comes first: no search is needed.

    As in PyTorch, only leaves have a gradient; there is none before the first backward pass.
    """

    grad = None

    def __init__(self, data, back=()):
        self.data, self.back, self.number = np.float64(data), back, next(COUNTER)

    def __add__(self, other):
        if not isinstance(other, Value):
            return Value(self.data + other, ((self, 1),))
        return Value(self.data + other.data, ((self, 1), (other, 1)))

    def __mul__(self, other):
        if not isinstance(other, Value):
            return Value(self.data * other, ((self, other),))
        return Value(self.data * other.data, ((self, other.data), (other, self.data)))

    def __sub__(self, other):
        if not isinstance(other, Value):
            return Value(self.data - other, ((self, 1),))
        return Value(self.data - other.data, ((self, 1), (other, -1)))

    def __truediv__(self, other):
        if not isinstance(other, Value):
            return Value(self.data / other, ((self, 1 / other),))
        quotient = self.data / other.data
        return Value(quotient, ((self, 1 / other.data), (other, -quotient / other.data)))

    def __pow__(self, n):
        return Value(self.data**n, ((self, n * self.data ** (n - 1)),))

    def __neg__(self):
        return Value(-self.data, ((self, -1),))

    def __radd__(self, number):
        return self + number

    def __rmul__(self, number):
        return self * number

    def __rsub__(self, number):
        return Value(number - self.data, ((self, -1),))

    def __rtruediv__(self, number):
        return Value(number / self.data, ((self, -number / self.data**2),))

    def relu(self):
        return Value(np.maximum(self.data, 0), ((self, np.heaviside(self.data, 0)),))

    def exp(self):
        return Value(np.exp(self.data), ((self, np.exp(self.data)),))

    def log(self):
        return Value(np.log(self.data), ((self, 1 / self.data),))

    def backward(self):
        slopes, newest = {self.number: 1.0}, [(-self.number, self)]
        while newest:
            number, node = heapq.heappop(newest)
            slope = slopes.pop(-number)
            if not node.back:
                node.grad = slope if node.grad is None else node.grad + slope
            for one, local in node.back:
                if one.number not in slopes:
                    slopes[one.number] = 0.0
                    heapq.heappush(newest, (-one.number, one))
                slopes[one.number] += local * slope
