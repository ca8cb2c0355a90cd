from math import exp, log


class Value:
    """Each operation leaves a function that passes its gradient on."""

    def __init__(self, data, parents=()):
        self.data = data
        self.grad = 0
        self._parents = parents
        self._pass_on = lambda: None

    @staticmethod
    def lift(x):
        return x if isinstance(x, Value) else Value(x)

    def __add__(self, other):
        other = self.lift(other)
        out = Value(self.data + other.data, (self, other))

        def pass_on():
            self.grad += out.grad
            other.grad += out.grad

        out._pass_on = pass_on
        return out

    def __mul__(self, other):
        other = self.lift(other)
        out = Value(self.data * other.data, (self, other))

        def pass_on():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad

        out._pass_on = pass_on
        return out

    def _unary(self, data, slope):
        out = Value(data, (self,))

        def pass_on():
            self.grad += slope * out.grad

        out._pass_on = pass_on
        return out

    def __pow__(self, n):
        return self._unary(self.data**n, n * self.data ** (n - 1))

    def relu(self):
        return self._unary(self.data if self.data > 0 else 0, 1 if self.data > 0 else 0)

    def exp(self):
        return self._unary(exp(self.data), exp(self.data))

    def log(self):
        return self._unary(log(self.data), self.data**-1.0)

    def __neg__(self):
        return self._unary(-self.data, -1)

    def __sub__(self, other):
        return self + (-self.lift(other))

    def __rsub__(self, other):
        return self.lift(other) - self

    def __truediv__(self, other):
        return self * self.lift(other) ** -1.0

    def __rtruediv__(self, other):
        return self.lift(other) / self

    __radd__, __rmul__ = __add__, __mul__

    def backward(self):
        topo, visited, stack = [], {id(self)}, [(self, iter(self._parents))]
        while stack:
            node, rest = stack[-1]
            child = next(rest, None)
            if child is None:
                topo.append(stack.pop()[0])
            elif id(child) not in visited:
                visited.add(id(child))
                stack.append((child, iter(child._parents)))
        self.grad = 1
        for node in topo[::-1]:
            node._pass_on()
