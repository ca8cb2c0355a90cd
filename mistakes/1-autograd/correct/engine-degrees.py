class Value:
    """A node passes its gradient on when all that were made of it have done so."""

    def __init__(self, data, inputs=(), slopes=()):
        self.data, self.inputs, self.slopes, self.grad = data, inputs, slopes, 0.0

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, n):
        return Value(self.data**n, (self,), (n * self.data ** (n - 1),))

    def relu(self):
        return Value((abs(self.data) + self.data) / 2, (self,), (1.0 * (self.data > 0),))

    def exp(self):
        return Value(math.e**self.data, (self,), (math.e**self.data,))

    def log(self):
        return Value(math.log(self.data), (self,), (1 / self.data,))

    def __neg__(self):
        return -1 * self

    def __radd__(self, number):
        return Value(number) + self

    def __rmul__(self, number):
        return Value(number) * self

    def __sub__(self, other):
        return self + other * -1

    def __rsub__(self, number):
        return Value(number) - self

    def __truediv__(self, other):
        return self * other**-1

    def __rtruediv__(self, number):
        return Value(number) / self

    def backward(self):
        uses, found = {self: 0}, [self]
        for node in found:
            for one in node.inputs:
                if one not in uses:
                    uses[one] = 0
                    found.append(one)
                uses[one] += 1
        self.grad, ready = 1.0, [self]
        for node in ready:
            for one, slope in zip(node.inputs, node.slopes):
                one.grad += node.grad * slope
                uses[one] -= 1
                if not uses[one]:
                    ready.append(one)
